"""What the pages say that links in mails open, in German. Pure."""

from __future__ import annotations

from typing import Final

from watchfloor.capabilities.notifications.engine.link_words import State, Words

GERMAN: Final = {
    State.ASK: Words(
        "Abbestellen?", "{user} erfährt dann über keinen Kanal mehr von {what}. Im Posteingang steht es weiterhin.", "Abbestellen"
    ),
    State.OUT: Words(
        "Abbestellt",
        "{user} erfährt nicht mehr von {what}. War das ein Versehen? Hier lässt es sich 30 Tage lang rückgängig machen.",
        "Rückgängig machen",
    ),
    State.COVERED: Words(
        "Abbestellt",
        "{user} erfährt nicht mehr von {what}: Die Einstellungen lassen viele Ereignisse auf einmal aus, auch dieses. Dort lässt es sich ändern.",
    ),
    State.MANDATORY: Words(
        "Das lässt sich nicht abbestellen",
        "Die Organisation hat festgelegt, dass {user} immer von {what} erfährt. Es wurde nichts geändert. Ihre Verwaltung kann das ändern.",
    ),
    State.ASK_UNDO: Words("Wieder erfahren?", "{user} erfährt dann wieder von {what}.", "Wieder erfahren"),
    State.BACK: Words("Wieder bestellt", "{user} erfährt wieder von {what}, so wie es die Einstellungen sagen."),
    State.FULL: Words(
        "Das ließ sich nicht abbestellen",
        "{user} hat schon so viele Ereignisse abbestellt, wie es geben darf. Es wurde nichts geändert. In den Einstellungen geht es auf einmal.",
    ),
    State.INVALID: Words(
        "Dieser Link geht nicht",
        "Er ist nicht von uns, oder ein Teil fehlt. Kopieren Sie ihn vollständig, oder ändern Sie in Ihren Einstellungen, wovon Sie erfahren.",
    ),
    State.ASK_ACKNOWLEDGE: Words(
        "Bestätigen?",
        "{user} kümmert sich darum: {what}. Dann erfährt sonst niemand mehr davon, und es wird nicht wiederholt.",
        "Bestätigen",
    ),
    State.ACKNOWLEDGED: Words(
        "Bestätigt", "{user} kümmert sich darum: {what}. Sonst erfährt niemand mehr davon, und es wird nicht wiederholt."
    ),
    State.GONE: Words("Hier ist nichts zu bestätigen", "Diese Benachrichtigung wird nicht mehr aufbewahrt."),
    State.EXPIRED: Words(
        "Dieser Link ist abgelaufen",
        "Es wurde nichts geändert. Nehmen Sie den Link einer neueren Nachricht, oder ändern Sie in Ihren Einstellungen, wovon Sie erfahren.",
    ),
}
