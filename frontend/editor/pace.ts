/** Time on an image, and one's own pace: for the person, not for anybody else. */
import * as api from "../api";

export interface Pace {
  readonly images: number;
  readonly seconds: number;
}

/** Below this much work an hourly figure says nothing. */
const LEAST_SECONDS = 60;

/** What the person did in the project since a moment. */
export const loadPace = (project: number, since: Date): Promise<Pace> =>
  api.get(`/projects/${project}/pace?since=${encodeURIComponent(since.toISOString())}`);

/** Midnight of the person's own clock. */
export function startOfDay(now: Date): Date {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate());
}

/** Images in an hour of work; null while there is too little to tell. */
export const perHour = ({ images, seconds }: Pace): number | null =>
  images === 0 || seconds < LEAST_SECONDS ? null : Math.round((images * 3600) / seconds);

/** Seconds as "0:07", "12:30", "1:02:03". */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Nobody is at work when nothing was touched for so long. */
const REST_AFTER_MS = 60_000;

/** Time at work on one image: it stands still while the page is hidden or nothing is touched. */
export class WorkTimer {
  private image: number | null = null;
  private worked = 0;
  private last = 0;
  private touched = 0;

  /** Milliseconds of work on the image. */
  get milliseconds(): number {
    return this.worked;
  }

  /** A hand moved. */
  touch(now: number): void {
    this.touched = now;
  }

  /** Count up to now; another image starts from nothing. */
  tick(image: number | null, now: number, visible: boolean): void {
    if (image !== this.image) {
      this.image = image;
      this.worked = 0;
      this.touched = now;
    } else if (visible && image !== null && now - this.touched <= REST_AFTER_MS) this.worked += now - this.last;
    this.last = now;
  }
}
