/** The most that SHA256SUMS may have, in bytes: some thousands of lines. */
export const MAX_SUMS_BYTES: number = 1024 * 1024;

/** The most that a detached signature may have, in bytes. */
export const MAX_SIGNATURE_BYTES: number = 64 * 1024;

/** The most that a provider's `…_manifest.json` may have, in bytes. */
export const MAX_PROVIDER_MANIFEST_BYTES: number = 64 * 1024;

/** The most files that a provider's archive may hold. */
export const MAX_PROVIDER_FILES = 10_000;

/** The most that a provider's archive may unpack to, in bytes. */
export const MAX_PROVIDER_UNPACKED_BYTES: number = 8 * 2 ** 30;

/** How many times its own size a provider's archive may unpack to, once that is over {@link PROVIDER_RATIO_FREE_BYTES}. Programs come to 3 to 5 times. */
export const MAX_PROVIDER_RATIO = 100;

/** Up to so many unpacked bytes the ratio of a provider's archive does not count. */
export const PROVIDER_RATIO_FREE_BYTES: number = 64 * 2 ** 20;

/** The longest name of a member of an archive, in bytes: what file systems take. */
export const MAX_MEMBER_NAME_BYTES = 4096;

/** What a module may come to where nobody says otherwise: unpacked bytes, and files with links and directories. */
export const MODULE_LIMITS: { readonly bytes: number; readonly files: number } = { bytes: 512 * 2 ** 20, files: 20_000 };

/** The most of a README that is shown, in bytes. */
export const MAX_README_BYTES: number = 256 * 1024;

/** A larger configuration file is not read for display, in bytes. */
export const MAX_CONFIGURATION_BYTES: number = 512 * 1024;

/** The most of configuration that is read for display in one module, in bytes; files beyond it are left out. */
export const MAX_CONFIGURATION_TOTAL_BYTES: number = 8 * 1024 * 1024;

/** The most that is shown of one type, default or description, in characters. */
export const MAX_SHOWN_CHARACTERS: number = 16 * 1024;

/** The most variables, outputs, providers, modules or resources that are shown of one part of a module, and the most parts below `modules/`. */
export const MAX_SHOWN_ITEMS = 1000;

/** The most that all parts of a module come to as JSON, in characters; what goes beyond it is shown without its README, or by its path alone. */
export const MAX_PARTS_CHARACTERS: number = 2 * 1024 * 1024;
