// Two conveniences of the work page; everything works without them.
(() => {
  "use strict";

  // Counts the time left, at the market's pace, and says it aloud at a few moments only.
  const left = document.getElementById("left");
  if (left) {
    const seconds = Number(left.dataset.seconds);
    const rate = Number(left.dataset.rate);
    const start = performance.now();
    const said = document.getElementById("time-said");
    const moments = [
      [600, "Ten minutes left."],
      [300, "Five minutes left."],
      [60, "One minute left."],
    ];
    const two = (n) => String(n).padStart(2, "0");
    let before = seconds;
    const show = () => {
      const now = Math.max(0, Math.floor(seconds - ((performance.now() - start) / 1000) * rate));
      const hours = Math.floor(now / 3600);
      left.textContent = `${hours > 0 ? `${hours}:` : ""}${two(Math.floor(now / 60) % 60)}:${two(now % 60)}`;
      left.classList.toggle("late", now < 60);
      const passed = moments.filter(([moment]) => before > moment && now <= moment).pop();
      if (passed) said.textContent = passed[1];
      if (now === 0 && before > 0) {
        said.textContent = "The time is over.";
        document.getElementById("time-over").hidden = false;
      }
      before = now;
    };
    show();
    setInterval(show, 1000);
  }

  // The page inside the frame says that it was handed in: go on to "my work".
  const frame = document.getElementById("task");
  const mine = document.querySelector('nav a[href$="/work"]');
  if (frame && mine) {
    window.addEventListener("message", (event) => {
      if (event.source === frame.contentWindow && event.data === "hit-submitted") location.assign(mine.href);
    });
  }
})();
