/** The platform that clients run on here, in Go's words. */
export const OWN_PLATFORM = `${process.platform}_${process.arch === 'x64' ? 'amd64' : process.arch}`;

/** The platforms that the tests' providers are for. */
export const PLATFORMS = ['linux_amd64', 'linux_arm64', 'darwin_arm64'] as const;
