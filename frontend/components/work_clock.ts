/** <work-clock>: time at work on this image, and one's own pace today. */
import { html, nothing, type TemplateResult } from "lit";
import { ApiError, NetworkError } from "../api";
import { clock, loadPace, perHour, startOfDay, WorkTimer, type Pace } from "../editor/pace";
import { messages } from "../messages";
import { EditorPart } from "./editor_part";

const text = messages.pace;
const ASK_EVERY_MS = 60_000;

export class WorkClock extends EditorPart {
  static override properties = { ...EditorPart.properties, pace: { state: true } };
  declare pace: Pace | null;
  private readonly timer = new WorkTimer();
  private ticking: ReturnType<typeof setInterval> | null = null;
  private asked = -Infinity;

  constructor() {
    super();
    this.pace = null;
  }

  private readonly onTouch = (): void => this.timer.touch(performance.now());

  override connectedCallback(): void {
    super.connectedCallback();
    for (const name of ["pointermove", "pointerdown", "keydown", "wheel"]) window.addEventListener(name, this.onTouch, { passive: true });
    this.ticking = setInterval(() => this.tick(), 1000);
  }

  override disconnectedCallback(): void {
    for (const name of ["pointermove", "pointerdown", "keydown", "wheel"]) window.removeEventListener(name, this.onTouch);
    if (this.ticking !== null) clearInterval(this.ticking);
    super.disconnectedCallback();
  }

  private tick(): void {
    const { editor } = this;
    const now = performance.now();
    const before = Math.floor(this.timer.milliseconds / 1000);
    this.timer.tick(editor?.image?.id ?? null, now, document.visibilityState === "visible");
    if (Math.floor(this.timer.milliseconds / 1000) !== before) this.requestUpdate();
    if (editor !== null && now - this.asked > ASK_EVERY_MS) void this.ask(editor.project.id, now);
  }

  /** A figure that cannot be had is no reason to trouble anybody. */
  private async ask(project: number, now: number): Promise<void> {
    this.asked = now;
    try {
      this.pace = await loadPace(project, startOfDay(new Date()));
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof NetworkError)) throw error;
    }
  }

  override render(): TemplateResult | typeof nothing {
    if (this.editor === null || this.editor.image === null) return nothing;
    const hourly = this.pace === null ? null : perHour(this.pace);
    return html`<span class="remaining" title=${text.onImage} role="timer" aria-label=${text.onImage}>${clock(this.timer.milliseconds / 1000)}</span>
      ${hourly === null ? nothing : html`<span class="remaining pace" title=${text.explain(this.pace!.images)}>${text.hourly(hourly)}</span>`}`;
  }
}

customElements.define("work-clock", WorkClock);
