/** A person's keys, kept on the server so that they are there wherever one signs in. */
import * as api from "../api";
import type { KeyPreferences } from "./keymap";

export const loadPreferences = (): Promise<KeyPreferences> => api.get("/me/preferences");

/** Throws ApiError (400 `key_conflict` names both actions) or NetworkError. */
export const savePreferences = (preferences: KeyPreferences): Promise<KeyPreferences> =>
  api.put("/me/preferences", { keys: preferences.keys, character_keys: preferences.character_keys });
