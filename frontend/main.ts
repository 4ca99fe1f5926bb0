/** Entry of every page: the elements that any page may hold. The editor has its own entry, annotate.ts. */
import "./components/sign_in_dialog";
import "./components/pages/index";
