/** The editor without its skin: which image is open, which tool is in the hand, what happens next. */
import { ApiError, NetworkError } from "../api";
import { messages } from "../messages";
import type { Journal } from "./journal";
import { Answers } from "./answers";
import { Comments } from "./comments";
import { Comparing } from "./comparing";
import { Conflicts } from "./conflicts";
import { Keymap } from "./keymap";
import { LeaseKeeper, type LeaseHolder } from "./lease";
import type { MaskCache } from "./mask_cache";
import { fetchAhead } from "./fetching_ahead";
import { modeOf, may, type Deed, type Mode, type Standing, type ToolName } from "./mode";
import { makeMark, MAX_MARKS, type Mark, type Point, type Sign } from "./model";
import { openImage, type OpenImage } from "./open_image";
import type { Palette } from "./palette";
import { loadLook, storeLook, type PictureLook } from "./picture_look";
import * as server from "./server";
import type { ImageDetail, Project } from "./server";
import { LIVE_METHOD } from "./live_mask";
import { liveClasses, type LivePage } from "./live_proposing";
import { loadSettings, storeSettings, type ViewSettings } from "./settings";
import type { SaveStatus } from "./sync";
import { toolContext } from "./tool_context";
import { toolInfo, type Tool } from "./tools";
import { Viewport } from "./viewport";

export interface Notice {
  readonly kind: "info" | "problem";
  readonly text: string;
}

export interface EditorOptions {
  readonly user: number;
  readonly project: Project;
  readonly palette: Palette;
  readonly journal: Journal;
  readonly masks: MaskCache;
  /** The solver in the page; without one the server answers. */
  readonly live?: LivePage;
  readonly isLive: () => boolean;
  /** The image's picture can be fetched; its marks and masks may still be on their way. */
  readonly showPicture: (detail: ImageDetail) => void;
  /** Show another address without loading a page. */
  readonly onOpened: (image: OpenImage) => void;
  /** Let the browser fetch a picture that will be needed soon. */
  readonly warmPicture: (url: string) => void;
  readonly shelf?: Storage;
}

const MOST_EXCLUDED = 100;
const NOTICE_MS = 6000;

export class Editor {
  readonly viewport = new Viewport();
  readonly settings: ViewSettings;
  readonly lease: LeaseKeeper;
  readonly comparing: Comparing;
  readonly comments: Comments;
  readonly conflicts = new Conflicts(this);
  keymap = new Keymap();
  readonly answers: Answers;
  look: PictureLook;
  palette: Palette;
  project: Project;
  image: OpenImage | null = null;
  standing: Standing = "loading";
  holder: LeaseHolder | null = null;
  notice: Notice | null = null;
  problem = "";
  remaining: number | null = null;
  save: { status: SaveStatus; message: string } = { status: "saved", message: "" };
  toolName: ToolName = "scribble";
  tool: Tool | null = null;
  classIndex: number | null;
  sign: Sign = 1;
  swapped = false;
  verifying = false;
  peeking = false;
  /** Where the pointer is over the picture, CSS pixels; null when it is elsewhere. */
  pointer: Point | null = null;
  /** A decision is on its way; keys must not decide twice. */
  deciding = false;
  private visited: number[] = [];
  private place = -1;
  private opening = 0;
  private readonly listeners = new Set<() => void>();
  private queued = false;
  /** Told when only the mask that follows the hand has changed. */
  onDrawn: () => void = () => undefined;

  constructor(readonly options: EditorOptions) {
    this.palette = options.palette;
    this.project = options.project;
    this.settings = loadSettings(options.shelf);
    this.classIndex = firstClass(options.palette);
    this.answers = new Answers(`burnish.answers.${options.user}.${options.project.id}`, options.shelf);
    this.look = loadLook(options.project.id, options.shelf);
    this.comments = new Comments(options, this.changed, (message) => this.say(message, "problem"));
    this.comparing = new Comparing({
      loadVersions: server.loadMaskVersions,
      loadMask: ({ sha256, url }) => options.masks.get(sha256, url),
      onChange: this.changed,
      onNone: (reason) => this.say(messages.compare[reason]),
    });
    this.lease = new LeaseKeeper({ take: server.takeLease, drop: server.dropLease, onLost: (holder) => this.lost(holder) });
  }

  // ---- telling the skin

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Tell the skin, once for everything that happens in this turn. */
  changed = (): void => {
    if (this.queued) return;
    this.queued = true;
    queueMicrotask(() => {
      this.queued = false;
      for (const listener of this.listeners) listener();
    });
  };

  /** A sentence over the picture. Good news leaves by itself, trouble stays until it is closed. */
  say(text: string, kind: Notice["kind"] = "info"): void {
    const notice = text === "" ? null : { kind, text };
    this.notice = notice;
    this.changed();
    if (notice?.kind !== "info") return;
    setTimeout(() => {
      if (this.notice === notice) this.say("");
    }, NOTICE_MS);
  }

  set<K extends keyof ViewSettings>(name: K, value: ViewSettings[K]): void {
    this.settings[name] = value;
    storeSettings(this.settings, this.options.shelf);
    this.tool?.refresh?.();
    if (name === "allSimilar") this.image?.live.askAnew();
    this.changed();
  }

  /** Masks and proposal give way: to the bare picture, or to an earlier mask. */
  get hidesMasks(): boolean {
    return this.peeking || this.comparing.flickering(this.image) !== null;
  }

  // ---- what is allowed

  get interactiveMethod(): string {
    return this.options.project.settings.interactive_method ?? LIVE_METHOD;
  }

  get mayWork(): boolean {
    const { role, is_archived } = this.project;
    return role !== null && role !== "viewer" && !is_archived;
  }

  may(deed: Deed): boolean {
    return may(this.standing, deed);
  }

  get mode(): Mode {
    return modeOf({ tool: this.toolName, drawing: this.tool?.isDrawing ?? false, verifying: this.verifying });
  }

  // ---- opening images

  /** Open an image, remember the way back, and fetch ahead. `known` comes from the queue, with the lease. */
  async open(id: number, known: ImageDetail | null = null): Promise<void> {
    const opening = ++this.opening;
    this.leave();
    this.standing = "loading";
    this.changed();
    try {
      const detail = known === null ? server.loadImage(id) : Promise.resolve(known);
      const image = await openImage(id, this.openOptions(), detail.then((loaded) => this.preview(loaded, opening)));
      if (opening !== this.opening) return image.close();
      this.show(image);
      const holding = this.may("mark") ? this.lease.hold(id) : null;
      if (known === null) await holding;
      if (this.mayWork) void fetchAhead(this, id);
    } catch (error) {
      if (opening === this.opening) this.fail(error);
    }
  }

  /** Show the picture while marks and masks are still on their way. */
  private preview(detail: ImageDetail, opening: number): ImageDetail {
    if (opening === this.opening) {
      this.viewport.setImage(detail, this.settings.keepView);
      this.options.showPicture(detail);
    }
    return detail;
  }

  private openOptions(): Parameters<typeof openImage>[1] {
    const { user, project, journal, masks, isLive } = this.options;
    return {
      user,
      project: project.id,
      mayWork: this.mayWork,
      interactiveMethod: this.interactiveMethod,
      journal,
      masks,
      live: this.options.live ?? null,
      classes: () => liveClasses(this.palette),
      allSimilar: () => this.settings.allSimilar,
      onDrawn: () => this.onDrawn(),
      isLive,
      onChange: this.changed,
      onSave: (status, message) => {
        this.save = { status, message };
        this.changed();
      },
      onMerged: (clashes, image) => this.conflicts.ofMarks(clashes, image),
      onMaskConflict: (conflict) => this.conflicts.ofMask(conflict),
      onTrouble: (message) => this.say(message, "problem"),
      onLiveLost: (trouble) => this.say(messages.live.lost(trouble)),
      onPriorLost: () => this.say(messages.live.priorLost),
    };
  }

  private show(image: OpenImage): void {
    this.image = image;
    this.standing = image.standing;
    this.save = { status: image.sync.status, message: "" };
    this.remember(image.id);
    this.comments.follow(image.id);
    this.useTool(this.toolName);
    this.options.onOpened(image);
    this.changed();
  }

  private leave(): void {
    this.tool?.cancel();
    this.tool = null;
    this.image?.close();
    this.image = null;
    this.comments.follow(null);
    this.conflicts.current = null;
    this.holder = null;
    this.notice = null;
    this.lease.release();
  }

  private fail(error: unknown): void {
    this.standing = "failed";
    if (error instanceof NetworkError) this.problem = messages.open.unreachable;
    else if (error instanceof ApiError) this.problem = error.status === 404 ? messages.open.gone : error.message;
    else throw error;
    this.changed();
  }

  private lost(holder: LeaseHolder): void {
    this.holder = holder;
    this.setStanding("leased");
  }

  setStanding(standing: Standing): void {
    this.standing = standing;
    if (this.image !== null) this.image.standing = standing;
    this.tool?.cancel();
    this.changed();
  }

  // ---- the queue

  private remember(id: number): void {
    if (this.visited[this.place] === id) return;
    const before = this.visited.indexOf(id);
    if (before >= 0) this.place = before;
    else {
      this.visited.push(id);
      this.place = this.visited.length - 1;
    }
  }

  /** An image that comes up once more is the newest of this visit again. */
  private forget(id: number): void {
    this.visited = this.visited.filter((each) => each !== id);
    this.place = this.visited.length - 1;
  }

  /** The next image: forward on the way already gone, else what the queue says. */
  async next(): Promise<void> {
    const forward = this.visited[this.place + 1];
    if (forward !== undefined) return this.open(forward);
    const current = this.image?.id;
    this.standing = "loading";
    this.changed();
    try {
      const answer = await this.askQueue(current === undefined ? [] : [current]);
      this.remaining = answer.remaining;
      if (answer.image === null) {
        this.leave();
        this.setStanding("empty");
      } else {
        this.forget(answer.image.id);
        await this.open(answer.image.id, answer.image);
      }
    } catch (error) {
      this.leave();
      this.fail(error);
    }
  }

  /** Rather an image not seen in this visit; when there is none, any but the one just left. */
  private async askQueue(current: readonly number[]): Promise<server.QueueAnswer> {
    const project = this.options.project.id;
    const seen = this.visited.slice(-MOST_EXCLUDED);
    const answer = await server.nextInQueue(project, seen, this.verifying);
    const onlySeen = answer.image === null && seen.length > current.length;
    return onlySeen ? server.nextInQueue(project, current, this.verifying) : answer;
  }

  /** From wherever one went back to: on to the newest image of this visit, else the queue's next. */
  async onward(): Promise<void> {
    const newest = this.visited.at(-1);
    if (newest !== undefined && this.place < this.visited.length - 1) await this.open(newest);
    else await this.next();
  }

  /** The image before: on the way gone here, else the last one this person decided; null when there is none. */
  async previousId(): Promise<number | null> {
    const before = this.visited[this.place - 1];
    if (before !== undefined) return before;
    const recent = await server.recentImages(this.options.project.id);
    return recent.find(({ id }) => !this.visited.includes(id))?.id ?? null;
  }

  async back(): Promise<void> {
    const before = await this.previousId();
    if (before === null) return this.say(messages.queue.noEarlier);
    if (!this.visited.includes(before)) {
      this.visited.splice(Math.max(this.place, 0), 0, before);
      this.place = Math.max(this.place, 0);
    }
    await this.open(before);
  }

  // ---- tool in hand

  useTool(name: ToolName): void {
    if (this.toolName !== name) this.swapped = false;
    this.tool?.cancel();
    this.toolName = name;
    this.tool = this.image === null ? null : toolInfo(name).create(toolContext(this, this.image));
    this.changed();
  }

  chooseClass(index: number): void {
    this.classIndex = index;
    this.changed();
  }

  /** Make a mark of the chosen class and add it; says why where that cannot be. */
  addMark(kind: Mark["kind"], geometry: Mark["geometry"], sign: Sign, seconds: number): void {
    if (this.classIndex === null) return this.say(messages.noClasses, "problem");
    if ((this.image?.store.marks.size ?? 0) >= MAX_MARKS) return this.say(messages.tooManyMarks(MAX_MARKS), "problem");
    this.image?.store.add(makeMark(kind, geometry, this.classIndex, sign, seconds));
  }

  /** Present, absent, unknown, and round again. */
  toggleTag(index: number): void {
    const store = this.image?.store;
    if (store === undefined || !this.may("mark")) return;
    const known = [...store.marks.values()].find((mark) => mark.kind === "tag" && mark.class_index === index);
    if (known === undefined) store.add(makeMark("tag", {}, index, 1, 0));
    else if (known.sign === 1) store.update({ ...known, sign: -1, made_at: new Date().toISOString() });
    else store.remove(known.id);
  }

  setLook(look: PictureLook): void {
    this.look = look;
    storeLook(this.options.project.id, look, this.options.shelf);
    this.changed();
  }

  setProject(project: Project): void {
    this.project = project;
    this.changed();
  }

  setPalette(palette: Palette): void {
    this.palette = palette;
    this.image?.live.classesChanged();
    if (!palette.active.some(({ index }) => index === this.classIndex)) {
      if (this.classIndex !== null) this.say(messages.classRetired(palette.name(this.classIndex)));
      this.classIndex = firstClass(palette);
    }
    this.changed();
  }
}

const firstClass = (palette: Palette): number | null =>
  (palette.active.find((each) => !each.is_background) ?? palette.active[0])?.index ?? null;
