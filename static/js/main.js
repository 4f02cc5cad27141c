/**
 * Starts the behaviours of the page. Each is a file of its own, bound to an id or a data attribute; where what it is
 * bound to is missing, it does nothing. One that fails leaves the others running.
 */
import * as activity from "./activity.js";
import * as announce from "./announce.js";
import * as cards from "./cards.js";
import * as clock from "./clock.js";
import * as composer from "./composer.js";
import * as concealed from "./concealed.js";
import * as connection from "./connection.js";
import * as copy from "./copy.js";
import * as details from "./details.js";
import * as draft from "./draft.js";
import * as dress from "./dress.js";
import * as history from "./history.js";
import * as keys from "./keys.js";
import * as list from "./list.js";
import * as menu from "./menu.js";
import * as navigate from "./navigate.js";
import * as password from "./password.js";
import * as pending from "./pending.js";
import * as picker from "./picker.js";
import * as place from "./place.js";
import * as poll from "./poll.js";
import * as presence from "./presence.js";
import * as read from "./read.js";
import * as scroll from "./scroll.js";
import * as shell from "./shell.js";
import * as socket from "./socket.js";
import * as store from "./store.js";
import * as title from "./title.js";
import * as typing from "./typing.js";
import * as zone from "./zone.js";
import { tell } from "./page.js";

document.documentElement.dataset.js = "";

// The order is that in which they hear of a new pane: first what makes it visible, then what changes the log, then where
// to stand in it, then what looks at it.
const behaviours = {
  shell, store, scroll, pending, place, history, cards, composer, draft, navigate, list, dress, read, title,
  menu, connection, socket, poll, announce, activity, presence, typing, keys, clock, zone, password, details, picker, copy, concealed,
};

for (const [name, behaviour] of Object.entries(behaviours)) {
  try {
    behaviour.start();
  } catch (error) {
    console.error(`Parley: ${name} did not start`, error);
  }
}
tell("pane", {});
