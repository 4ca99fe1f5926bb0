// Times that only the page itself can tell, in milliseconds; read by bench/editor.py. Changes nothing on the page.
(() => {
  const probe = { ink: [], keys: [], painted: [], solved: [], opened: [] };
  window.burnishProbe = probe;
  let openedSince = null;

  // A message posted from the frame's callbacks is dealt with once the frame is drawn.
  const afterFrame = (since, into) =>
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => into.push(performance.now() - since);
      port2.postMessage(null);
    });

  addEventListener("pointermove", (event) => event.buttons !== 0 && afterFrame(event.timeStamp, probe.ink), true);
  addEventListener(
    "keydown",
    (event) => {
      if (event.key === "f") openedSince = event.timeStamp;
      else afterFrame(event.timeStamp, probe.keys);
    },
    true,
  );

  new MutationObserver((changes) => {
    const canvas = changes[0].target.closest?.("label-canvas");
    if (openedSince === null || !canvas) return;
    const { state, picture, currentImageId } = canvas.dataset;
    if (state !== "open" || picture !== "shown" || currentImageId === probe.image) return;
    afterFrame(openedSince, probe.opened);
    openedSince = null;
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-state", "data-picture", "data-current-image-id"] });

  new PerformanceObserver((list) => {
    for (const { name, duration } of list.getEntries()) {
      if (name === "pointer→painted") probe.painted.push(duration);
      if (name === "solve") probe.solved.push(duration);
    }
  }).observe({ type: "measure", buffered: true });
})();
