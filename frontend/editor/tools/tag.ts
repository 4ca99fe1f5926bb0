/** Tag mode works by keys and by the buttons of the class list; the canvas pans. */
import { idle } from "./pan";
import { registerTool } from "./registry";

registerTool({ name: "tag", icon: "tag", cursor: "grab", needs: "mark", create: () => idle });
