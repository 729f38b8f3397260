/** What is sent for one version, or for one file of it. */
export interface SoakPayload {
  /** Tells its bytes from any others when they are read. */
  readonly identity: string;
  readonly body: Buffer;
}

/** One version that somebody tries to publish, and what is known of it. */
export interface SoakItem {
  readonly ecosystem: string;
  readonly package: string;
  readonly version: string;
  /** Everything that was sent, whatever it was answered with. */
  readonly payloads: SoakPayload[];
  /** What was acknowledged or read, and so never changes any more; when, in ms of `performance`. */
  stands: { readonly identity: string; readonly at: number; readonly acknowledged: boolean } | null;
  /** `maybe`: somebody was told that it failed, or waits. */
  deletion: { readonly state: 'none' | 'maybe' } | { readonly state: 'done'; readonly at: number };
  /** Somebody works on it whom nobody may disturb. */
  busy: boolean;
}

/** What a version or package is set to, such as a dist-tag, a deprecation, a yank. */
export class SoakSetting {
  readonly id: string;
  /** What it may be, the newest last; `until`: when something else was acknowledged. */
  #values: { readonly value: string | null; until: number | null }[] = [{ value: null, until: null }];
  busy = false;

  constructor(id: string) {
    this.id = id;
  }

  /** Somebody begins to write it. */
  begun(value: string | null): void {
    this.#values.push({ value, until: null });
  }

  /** Writing it was acknowledged: nothing before it counts any more. */
  acknowledged(now: number): void {
    for (const old of this.#values.slice(0, -1)) {
      old.until ??= now;
    }
    this.#values = this.#values.filter(({ until }) => until === null || now - until < 60_000);
  }

  /** Whether `value` may be shown to who asked at `since` and may be told what is `lagMs` old. */
  allows(value: string | null, { since, lagMs }: { readonly since: number; readonly lagMs: number }): boolean {
    return this.#values.some((one) => one.value === value && (one.until === null || one.until > since - lagMs));
  }

  /** What it may be now. */
  get possible(): readonly (string | null)[] {
    return this.#values.filter(({ until }) => until === null).map(({ value }) => value);
  }
}

/** Everything that was sent to one package. */
export class SoakPackage {
  readonly name: string;
  readonly items = new Map<string, SoakItem>();
  readonly settings = new Map<string, SoakSetting>();

  constructor(name: string) {
    this.name = name;
  }

  /** The setting of that name, made where nobody has written it yet. */
  setting(id: string): SoakSetting {
    const known = this.settings.get(id) ?? new SoakSetting(id);
    this.settings.set(id, known);
    return known;
  }
}

/** An answer that was read to its end. */
export interface SoakAnswer {
  readonly status: number;
  readonly text: string;
}

/** What a front end shows of a package. */
export interface SoakListing extends SoakAnswer {
  /** By version. */
  readonly versions: ReadonlySet<string>;
  /** What is set, by the setting's name; what is not here is null. */
  readonly settings: ReadonlyMap<string, string>;
}

/** How one ecosystem is written and read, over HTTP. `origin`: a front end of it. */
export interface SoakEcosystem {
  readonly name: string;
  /** Other bytes at every call. */
  payload(packageName: string, version: string): SoakPayload;
  publish(origin: string, item: SoakItem, payload: SoakPayload): Promise<SoakAnswer>;
  /** The bytes' identity; null where there are none. @throws where the answer breaks off. */
  read(origin: string, item: SoakItem): Promise<SoakAnswer & { readonly identity: string | null }>;
  list(origin: string, packageName: string): Promise<SoakListing>;
  remove(origin: string, item: SoakItem): Promise<SoakAnswer>;
  /** Names of what can be set of a version; none where nothing can. */
  settingsOf(item: SoakItem): readonly string[];
  set(origin: string, change: { readonly item: SoakItem; readonly setting: string; readonly value: string }): Promise<SoakAnswer>;
  /** Reads something of upstream. @returns what is wrong, or null. */
  pull(origin: string, random: () => number): Promise<SoakAnswer & { readonly wrong: string | null }>;
}
