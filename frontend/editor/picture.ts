/** The picture itself, drawn by OpenSeadragon, which follows our viewport and listens to nobody else. */
import OpenSeadragon from "openseadragon";
import type { ImageDetail, TilesRef } from "./server";
import type { Viewport } from "./viewport";

export type PictureState = "loading" | "shown" | "failed";

export type PictureSource = Pick<ImageDetail, "file_url" | "tiles">;

/** Of 256 × 256 pixels and a quarter of a megabyte each: about three screens at each of a few scales. */
const MOST_TILES = 240;
const TILES_AT_ONCE = 6;
const RETRY_TILE_MS = 3000;

/** What OpenSeadragon needs to know of a picture; levels are numbered from the smallest. */
export function tileSource({ url, width, height, tile_size, overlap, max_level }: TilesRef): object {
  return {
    width,
    height,
    tileSize: tile_size,
    tileOverlap: overlap,
    minLevel: 0,
    maxLevel: max_level,
    getTileUrl: (level: number, column: number, row: number) =>
      url.replace("{level}", String(level)).replace("{column}", String(column)).replace("{row}", String(row)),
  };
}

/**
 * OpenSeadragon would write a style into the page, which the pages' policy forbids; editor.css has the rule instead.
 * It looks for a "style" element with its mark first; one of no known namespace is found and styles nothing.
 */
function forestallInlineStyle(): void {
  if (document.querySelector("style[data-openseadragon-mobile-css]") !== null) return;
  const style = document.createElementNS("urn:burnish", "style");
  style.setAttribute("data-openseadragon-mobile-css", "true");
  document.head.append(style);
}

export class Picture {
  state: PictureState = "loading";
  private readonly viewer: OpenSeadragon.Viewer;
  private smooth = true;
  private tiles: TilesRef | null = null;
  private openedAt = 0;

  constructor(
    element: HTMLElement,
    private readonly viewport: Viewport,
    private readonly onState: (state: PictureState) => void,
  ) {
    forestallInlineStyle();
    this.viewer = OpenSeadragon({
      element,
      // The WebGL drawer costs far more than it gives where there is no graphics card.
      drawer: "canvas",
      showNavigationControl: false,
      mouseNavEnabled: false,
      keyboardNavEnabled: false,
      animationTime: 0,
      immediateRender: true,
      visibilityRatio: 0,
      minZoomImageRatio: 0,
      maxZoomPixelRatio: Number.POSITIVE_INFINITY,
      maxImageCacheCount: MOST_TILES,
      imageLoaderLimit: TILES_AT_ONCE,
      // Its own resizing would zoom and pan after us; follow() tells it the size together with the place.
      autoResize: false,
    });
    // The stage has the focus and the name; the picture underneath must not be a second stop.
    for (const inner of element.querySelectorAll("[tabindex]")) inner.setAttribute("tabindex", "-1");
    this.viewer.addHandler("open", () => this.follow());
    this.viewer.addHandler("open-failed", () => this.become("failed"));
    this.viewer.addHandler("tile-load-failed", ({ tile, tiledImage }) => this.tileFailed(tile, tiledImage));
    this.viewer.addHandler("tile-drawn", () => this.tileDrawn());
  }

  open({ file_url, tiles }: PictureSource): void {
    this.tiles = tiles;
    this.openedAt = performance.now();
    this.become("loading");
    const whole = { type: "image", url: file_url, buildPyramid: false };
    this.viewer.open({ tileSource: tiles === null ? whole : tileSource(tiles) });
  }

  close(): void {
    this.viewer.close();
  }

  /** Put the picture where the viewport says. */
  follow(): void {
    const { viewer } = this;
    if (viewer.world.getItemCount() === 0) return;
    const { view, imageSize, screenSize } = this.viewport;
    // OpenSeadragon's unit is the width of the picture; its zoom is how many screens that width fills. The last
    // column of a coarser mask may reach beyond the picture, so its width is the tiles' own.
    const width = this.tiles === null ? imageSize.width : this.tiles.width / this.viewport.pictureScale;
    const middleX = (screenSize.width / 2 - view.x) / view.scale;
    const middleY = (screenSize.height / 2 - view.y) / view.scale;
    const screen = new OpenSeadragon.Point(screenSize.width, screenSize.height);
    if (!viewer.viewport.getContainerSize().equals(screen)) viewer.viewport.resize(screen, false);
    viewer.viewport.zoomTo((view.scale * width) / screenSize.width, undefined, true);
    viewer.viewport.panTo(new OpenSeadragon.Point(middleX / width, middleY / width), true);
    const smooth = view.scale < 2 * this.viewport.pictureScale;
    if (smooth !== this.smooth) {
      this.smooth = smooth;
      viewer.drawer.setImageSmoothingEnabled(smooth);
    }
    viewer.forceRedraw();
  }

  private tileDrawn(): void {
    // Where everything is measured from the beginning of the page, a first view's time is the measure's end.
    if (this.state === "loading") performance.measure("picture shown", { start: this.openedAt });
    if (this.state === "loading" || (this.tiles !== null && this.state === "failed")) this.become("shown");
  }

  /** Of a tiled picture the coarser tile stays in its place, and the missing one is asked for again. */
  private tileFailed(tile: OpenSeadragon.Tile, tiledImage: OpenSeadragon.TiledImage): void {
    if (this.state !== "shown" || this.tiles === null) this.become("failed");
    if (this.tiles === null) return;
    setTimeout(() => {
      if (this.viewer.world.getIndexOfItem(tiledImage) < 0) return;
      tile.exists = true;
      this.viewer.forceRedraw();
    }, RETRY_TILE_MS);
  }

  private become(state: PictureState): void {
    this.state = state;
    this.onState(state);
  }
}
