/** The custom elements of the server-rendered pages; importing this module registers them. */
import "./class_grid";
import "./confirm";
import "./export_page";
import "./image_grid";
import "./image_history";
import "./import_page";
import "./live_light";
import "./model_list";
import "./project_progress";
import "./review_page";
import "./system_status";
import "./theme_toggle";
import "./training_page";
import "./training_run";

// On small screens the navigation is a strip that scrolls: begin with the current page in view.
document.querySelector(".side [aria-current=page]")?.scrollIntoView({ block: "nearest", inline: "center" });
