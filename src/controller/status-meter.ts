// Status meter: the metrics of pods, status and events, as the controller names them; telemetry implements it.

export interface ControllerMeter {
  /** Gauge pods_on_mirrors{set}: every set in force; a set that is not named any more leaves. */
  podsOnMirrors(bySet: ReadonlyMap<string, number>): void;
  /** Gauge pods_unseen: living pods of opted-in namespaces that came into being without the webhook. */
  podsUnseen(pods: number): void;
  /** Counter events_dropped_total: events lost for want of room. */
  eventsDropped(events: number): void;
  /** Counter recreations_total: rewritten pods that an owner deleted young and made again, once that is its habit. */
  recreated(): void;
}
