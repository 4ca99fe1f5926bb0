/** Entry of the annotation page: registers <label-canvas> and everything it shows. */
import "./components/sign_in_dialog";
import "./editor/canvas_element";
