/** The picture itself, drawn by OpenSeadragon, which follows our viewport and listens to nobody else. */
import OpenSeadragon from "openseadragon";
import type { Viewport } from "./viewport";

export type PictureState = "loading" | "shown" | "failed";

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
      // Its own resizing would zoom and pan after us; follow() tells it the size together with the place.
      autoResize: false,
    });
    // The stage has the focus and the name; the picture underneath must not be a second stop.
    for (const inner of element.querySelectorAll("[tabindex]")) inner.setAttribute("tabindex", "-1");
    this.viewer.addHandler("open", () => this.follow());
    this.viewer.addHandler("open-failed", () => this.become("failed"));
    this.viewer.addHandler("tile-load-failed", () => this.become("failed"));
    this.viewer.addHandler("tile-drawn", () => {
      if (this.state === "loading") this.become("shown");
    });
  }

  open(url: string): void {
    this.become("loading");
    this.viewer.open({ tileSource: { type: "image", url, buildPyramid: false } });
  }

  close(): void {
    this.viewer.close();
  }

  /** Put the picture where the viewport says. */
  follow(): void {
    const { viewer } = this;
    if (viewer.world.getItemCount() === 0) return;
    const { view, imageSize, screenSize } = this.viewport;
    // OpenSeadragon's unit is the width of the image; its zoom is how many screens that width fills.
    const middleX = (screenSize.width / 2 - view.x) / view.scale;
    const middleY = (screenSize.height / 2 - view.y) / view.scale;
    const screen = new OpenSeadragon.Point(screenSize.width, screenSize.height);
    if (!viewer.viewport.getContainerSize().equals(screen)) viewer.viewport.resize(screen, false);
    viewer.viewport.zoomTo((view.scale * imageSize.width) / screenSize.width, undefined, true);
    viewer.viewport.panTo(new OpenSeadragon.Point(middleX / imageSize.width, middleY / imageSize.width), true);
    const smooth = view.scale < 2;
    if (smooth !== this.smooth) {
      this.smooth = smooth;
      viewer.drawer.setImageSmoothingEnabled(smooth);
    }
    viewer.forceRedraw();
  }

  private become(state: PictureState): void {
    this.state = state;
    this.onState(state);
  }
}
