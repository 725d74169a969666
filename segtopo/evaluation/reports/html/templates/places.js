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
