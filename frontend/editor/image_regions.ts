/** The regions of an image: its file and features go to the regions' worker when a tool first asks. */
import * as api from "../api";
import { Regions, startRegionWorker } from "../regions/client";
import type { ImageDetail } from "./server";

/** `detail` is asked late, because features may be worked out after the image was opened. */
export const imageRegions = (detail: () => ImageDetail): Regions =>
  new Regions({
    start: startRegionWorker,
    load: async () => {
      const { file_url, features, width, height } = detail();
      const [picture, bytes] = await Promise.all([
        api.bytes(file_url),
        // Colours alone do where features cannot be had.
        features === null ? null : api.bytes(features.url).catch(() => null),
      ]);
      return {
        picture: new Blob([picture as BlobPart]),
        features: features === null || bytes === null ? null : { bytes, sha256: features.sha256 },
        width,
        height,
      };
    },
  });
