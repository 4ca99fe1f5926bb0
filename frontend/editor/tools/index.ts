/** Importing this registers every tool, in the order of the toolbar. */
import "./select";
import "./pan";
import "./scribble";
import "./point";
import "./box";
import "./polygon";
import "./brush";
import "./fill";
import "./wand";
import "./cells";
import "./take";
import "./tag";
import "./comment";

export * from "./registry";
