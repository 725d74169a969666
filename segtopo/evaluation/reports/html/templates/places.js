// The place of a voxel in a picture, in percent of its width and height.
function placeOf(picture, voxel) {
  const [rows, columns] = picture.axes;
  const x = (voxel[columns] - picture.origin[1] + 0.5) / picture.width;
  const y = (voxel[rows] - picture.origin[0] + 0.5) / picture.height;
  return [100 * (picture.flipped[1] ? 1 - x : x), 100 * (picture.flipped[0] ? 1 - y : y)];
}

// Width and height of a picture in mm.
function sizeOf(picture) {
  return [picture.width * picture.spacing[1], picture.height * picture.spacing[0]];
}

function imageOf(picture, text) {
  const image = element("img", { alt: text, loading: "lazy", decoding: "async" });
  image.src = "data:image/png;base64," + picture.png;
  return image;
}

// Makes an element with attributes and children.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// The mark of a kind of error, without its name.
function glyph(kind) {
  const template = document.getElementById("glyphs").content;
  return template.querySelector(`[data-kind="${CSS.escape(kind)}"] svg`).cloneNode(true);
}

const plain = (kind) => kind.replaceAll("_", " ");

// Moves a picture so that a place is in the middle of the frame, or as near to it as the picture's border allows.
function shift(length, place) {
  const centred = 50 - (length * place) / 100;
  return length < 100 ? (100 - length) / 2 : Math.min(0, Math.max(100 - length, centred));
}

// A square part of a picture around an error; its side is in mm.
function cutOf(picture, error, side) {
  const [x, y] = placeOf(picture, error.voxel);
  const [width, height] = sizeOf(picture).map((length) => (100 * length) / side);
  const [left, top] = [shift(width, x), shift(height, y)];
  const image = imageOf(picture, `${plain(error.kind)}, ${picture.title}`);
  Object.assign(image.style, { width: `${width}%`, height: `${height}%`, left: `${left}%`, top: `${top}%` });
  const aim = element("span", { class: "aim", "aria-hidden": "true" }, glyph(error.kind));
  Object.assign(aim.style, { left: `${left + (width * x) / 100}%`, top: `${top + (height * y) / 100}%` });
  return element("figure", {}, element("div", { class: "cut" }, image, aim), element("figcaption", {}, picture.title));
}

// A diagram of persistence features: birth to the right, death upwards; features without a partner are hollow.
function diagramOf(features) {
  const values = features.flatMap((feature) => [feature.birth, feature.death]).filter((value) => value !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const short = (value) => Number(value.toPrecision(3));
  const at = (value) => 10 + (180 * (value - low)) / (high - low || 1);
  const mark = ({ birth, death, dimension, mask, matched }) => {
    const [x, y] = [at(birth) + 20, 200 - at(death)];
    const look = `class="d${dimension} ${matched ? "matched" : "unmatched"}"`;
    const title = `<title>dimension ${dimension}, ${mask}, ${matched ? "matched" : "unmatched"}: ${short(birth)} to ${short(death)}</title>`;
    return mask === "prediction"
      ? `<circle ${look} cx="${x}" cy="${y}" r="3.5">${title}</circle>`
      : `<rect ${look} x="${x - 3}" y="${y - 3}" width="6" height="6">${title}</rect>`;
  };
  const figure = element("figure", { class: "diagram" });
  figure.innerHTML = `<svg viewBox="0 0 230 225" role="img" aria-label="Persistence diagram">
    <path class="axis" d="M30 5V195H225"/><line class="diagonal" x1="30" y1="190" x2="210" y2="10"/>
    ${features.filter(({ birth, death }) => birth !== null && death !== null).map(mark).join("")}
    <text x="30" y="208">${short(low)}</text><text x="210" y="208" text-anchor="end">${short(high)}</text>
    <text x="120" y="220" text-anchor="middle">birth</text>
    <text transform="translate(20 100) rotate(-90)" text-anchor="middle">death</text></svg>`;
  figure.append(element("figcaption", { class: "note" },
    "Persistence features. Circles: prediction; squares: reference. Filled: matched; hollow: unmatched. "
    + "Blue: components; orange: loops; green: cavities."));
  return figure;
}
