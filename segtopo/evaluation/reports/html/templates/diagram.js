const FEATURES = { 2: ["component", "hole"], 3: ["component", "loop", "cavity"] };
const PLURALS = { component: "components", hole: "holes", loop: "loops", cavity: "cavities" };
const SIDE = 300, MARGIN = 34; // of a diagram, in its own units

// The persistence diagram of a probability map: full points have a partner in the reference.
function diagramOf({ ndim, threshold, features }) {
  const at = (probability) => MARGIN + SIDE * probability, from = (probability) => SIDE - SIDE * probability + 8;
  const picture = svg("svg", { class: "diagram", viewBox: `0 0 ${SIDE + MARGIN + 12} ${SIDE + 46}`, role: "img", "aria-label": "Persistence diagram" });
  picture.append(
    svg("rect", { class: "kept", x: at(threshold), y: from(threshold), width: SIDE * (1 - threshold), height: SIDE * threshold }),
    svg("path", { class: "axis", d: `M${at(0)} ${from(0)}H${at(1)}V${from(1)}Z` }),
    ...[0, 0.5, 1].flatMap((tick) => [
      svg("text", { x: at(tick), y: from(0) + 15, "text-anchor": "middle" }, String(tick)),
      svg("text", { x: at(0) - 6, y: from(tick) + 4, "text-anchor": "end" }, String(tick)),
    ]),
    svg("text", { x: at(0.5), y: from(0) + 31, "text-anchor": "middle" }, "probability at which a feature appears"),
    svg("text", { transform: `translate(10 ${from(0.5)}) rotate(-90)`, "text-anchor": "middle" }, "at which it vanishes"),
    ...[...features].reverse().map((feature) => {
      const name = FEATURES[ndim][feature.dimension], partner = feature.matched ? "with" : "without";
      const title = svg("title", {}, `${name} from ${feature.birth} to ${feature.death}, voxel ${feature.voxel.join(" ")}, ${partner} a partner in the reference`);
      return svg("circle", { class: `d${feature.dimension}${feature.matched ? " matched" : ""}`, cx: at(feature.birth), cy: from(feature.death), r: 3.5 }, title);
    }));
  const kept = features.filter((feature) => feature.birth > threshold && feature.death <= threshold);
  const counts = FEATURES[ndim].map((name, dimension) => {
    const of = kept.filter((feature) => feature.dimension === dimension);
    const key = svg("svg", { class: "diagram key", viewBox: "0 0 10 10" }, svg("circle", { class: `d${dimension} matched`, cx: 5, cy: 5, r: 3.5 }));
    return element("span", {}, key, `${PLURALS[name]}: ${of.filter((feature) => feature.matched).length} of ${of.length} with a partner`);
  });
  return element("figure", { class: "features" },
    element("figcaption", {}, `Features of the probability map (the ${features.length} that last longest)`),
    picture, element("p", { class: "legend" }, ...counts),
    element("p", { class: "note" }, `Full points have a partner in the reference by Betti matching, empty ones have none. The counts are those of the shaded square: features of the mask at the threshold ${threshold}.`));
}

const SVG = document.getElementById("svg").content.firstElementChild.namespaceURI;

function svg(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
