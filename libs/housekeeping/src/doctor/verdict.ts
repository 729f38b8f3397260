import type { Product, RegistryProfile } from '@oci-package-proxy/oci';
import { findingOf, KNOWN_PRODUCTS, type ProbeReport, type ProbeTopic, type ProbeValues } from '@oci-package-proxy/oci';

/** `must`: it is not to be run so. `should`: it works, and somebody will regret it. `nice`: it works. */
export type Weight = 'must' | 'should' | 'nice';

/** What is wrong with something that we ask for. */
export interface Complaint {
  /** What it means for those who use the packages, or look after them. */
  readonly effect: string;
  /** What to change, one step each. */
  readonly advice: readonly string[];
  /** In place of the requirement's own. */
  readonly weight?: Weight;
}

/** Whether storage does one thing that we ask for. */
export interface Verdict {
  readonly id: string;
  readonly weight: Weight;
  /** What we ask for, as a statement: `A tag is shown right after it was put`. */
  readonly requirement: string;
  /** Null: unknown; `found` says why. */
  readonly met: boolean | null;
  /** What was seen. */
  readonly found: string;
  /** Null where it is met or unknown. */
  readonly complaint: Omit<Complaint, 'weight'> | null;
}

/** A registry that was probed, and what CONFIG_FILE says of it. */
export class Patient {
  readonly report: ProbeReport;
  readonly profile: RegistryProfile;
  readonly url: URL;

  constructor(options: { readonly report: ProbeReport; readonly profile: RegistryProfile; readonly url: URL }) {
    this.report = options.report;
    this.profile = options.profile;
    this.url = options.url;
  }

  /** Which product it is, as CONFIG_FILE says, else as it looks. */
  get product(): Product | null {
    return this.profile.product ?? this.value('product');
  }

  /** As people call it. */
  get title(): string {
    return this.product === null ? 'the registry' : KNOWN_PRODUCTS[this.product].title;
  }

  /** Null: unknown. */
  value<T extends ProbeTopic>(topic: T): ProbeValues[T] | null {
    return findingOf(this.report, topic).value;
  }

  /** What was seen. */
  details(topic: ProbeTopic): string {
    return findingOf(this.report, topic).details;
  }
}

/** Something that we ask of a registry. */
export type Requirement = (patient: Patient) => Verdict;

/** A requirement that one finding decides. `complaint` is null where it is met. */
export function requirement<T extends ProbeTopic>(sketch: {
  readonly id: string;
  readonly weight: Weight;
  readonly requirement: string;
  readonly topic: T;
  readonly complaint: (value: ProbeValues[T], patient: Patient) => Complaint | null;
}): Requirement {
  const { id, weight, topic } = sketch;
  return (patient) => {
    const value = patient.value(topic);
    const about = { id, requirement: sketch.requirement, found: patient.details(topic) };
    return value === null ? { ...about, weight, met: null, complaint: null } : judged({ ...about, weight }, sketch.complaint(value, patient));
  };
}

/** The verdict over what is known. */
export function judged(about: Pick<Verdict, 'id' | 'requirement' | 'found' | 'weight'>, complaint: Complaint | null): Verdict {
  if (complaint === null) {
    return { ...about, met: true, complaint: null };
  }
  const { effect, advice, weight } = complaint;
  return { ...about, weight: weight ?? about.weight, met: false, complaint: { effect, advice } };
}
