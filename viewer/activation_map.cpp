#include "viewer/activation_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "viewer/panel_parts.h"

namespace stemma {
namespace {

constexpr double steps_strip = 16, token_axis = 20, layer_axis = 46;

}  // namespace

void ActivationMapPanel::show(std::shared_ptr<const ActivationMap> map) {
  const bool same_shape = map && map_ && map->layers == map_->layers && map->tokens == map_->tokens;
  map_ = map && !map->empty() ? std::move(map) : nullptr;
  if (!map_) return;
  range_ = colour_range(*map_);
  pooled_ = 0;
  ramp_ = {};
  if (!same_shape) scene_.set_size(map_->layers, map_->tokens);
  if (cursor_.token >= map_->tokens || cursor_.layer >= map_->layers) cursor_ = {};
}

void ActivationMapPanel::set_cursor(Cell cell) {
  const bool beyond = map_ && (cell.token >= map_->tokens || cell.layer >= map_->layers);
  cursor_ = beyond ? Cell{} : cell;
  scene_.reveal(cursor_.token);
}

void ActivationMapPanel::set_dark(bool dark) {
  if (dark == dark_) return;
  dark_ = dark;
  pooled_ = 0;
  ramp_ = {};
}

std::optional<Cell> ActivationMapPanel::apply(const Input& input) {
  std::optional<Cell> chosen;
  const bool over = input.inside && scene_.plot().holds(input.mouse_x, input.mouse_y);
  if (over && input.wheel != 0 && !input.shift) scene_.zoom(std::pow(1.25, input.wheel), input.mouse_x);
  if (over) scene_.pan(48 * (input.sideways + (input.shift ? input.wheel : 0)));
  if (input.down && !was_down_) {
    dragged_ = !over;
    press_x_ = last_x_ = input.mouse_x;
    press_y_ = input.mouse_y;
  } else if (input.down) {
    if (std::hypot(input.mouse_x - press_x_, input.mouse_y - press_y_) > 4) dragged_ = true;
    if (dragged_) scene_.pan(input.mouse_x - last_x_);
    last_x_ = input.mouse_x;
  } else if (was_down_ && !dragged_) {
    chosen = scene_.cell_at(press_x_, press_y_);
  }
  was_down_ = input.down;
  if (input.double_click && over) {
    scene_.fit();
    dragged_ = true;  // its release chooses nothing: other cells lie there now
  }

  Cell next = cursor_;
  for (Key key : input.keys) {
    if (key == Key::left) --next.token;
    if (key == Key::right) ++next.token;
    if (key == Key::up) ++next.layer;
    if (key == Key::down) --next.layer;
    const double middle = cursor_.token >= 0 ? scene_.x_of(cursor_.token + 0.5) : scene_.plot().x + scene_.plot().width / 2;
    if (key == Key::zoom_in) scene_.zoom(1.25, middle);
    if (key == Key::zoom_out) scene_.zoom(0.8, middle);
    if (key == Key::home || key == Key::escape) scene_.fit();
  }
  if (next != cursor_) {
    chosen = Cell{std::clamp(next.layer, 0, map_->layers - 1), std::clamp(next.token, 0, map_->tokens - 1)};
    if (*chosen == cursor_) chosen.reset();
  }
  if (chosen) set_cursor(*chosen);
  return chosen;
}

std::optional<Cell> ActivationMapPanel::frame(Canvas& canvas, const Input& input) {
  const Ink colours = ink(dark_);
  canvas.fill({0, 0, input.width, input.height}, colours.ground);
  if (!map_) {
    draw_message(canvas, input, message_, dark_);
    return std::nullopt;
  }
  const double top = panel_header + steps_strip;
  scene_.set_plot({layer_axis, top, std::max(1.0, input.width - layer_axis - panel_margin),
                   std::max(1.0, input.height - top - token_axis - panel_status)});
  const auto chosen = apply(input);
  if (ramp_.columns == 0) ramp_ = ramp_cells(*map_, dark_);
  draw_cells(canvas);
  draw_axes(canvas);
  draw_crosshair(canvas);
  draw_header(canvas, input);
  draw_reading(canvas, input);
  return chosen;
}

void ActivationMapPanel::draw_header(Canvas& canvas, const Input& input) const {
  const Ink colours = ink(dark_);
  const double baseline = 22, legend = std::min(330.0, input.width * 0.5);
  const std::string name = elide(canvas, map_->quantity, title_style, input.width - legend - 2 * panel_margin);
  canvas.text(panel_margin, baseline, name, title_style, colours.text);
  const double x = panel_margin + canvas.text_width(name, title_style) + 10;
  const std::string size = 
      fmt::format("{} layers × {} tokens{}", map_->layers, map_->tokens,
                  pooled_ > 1 ? fmt::format(" · each column the mean of {}", pooled_) : "");
  canvas.text(x, baseline, elide(canvas, size, small_style, input.width - legend - x - panel_margin), small_style,
              colours.quiet);
  draw_legend(canvas, input.width - panel_margin, baseline);
}

void ActivationMapPanel::draw_legend(Canvas& canvas, double right, double baseline) const {
  const Ink colours = ink(dark_);
  const std::string high = (range_.cut ? "≥ " : "") + written(range_.high) + (map_->unit.empty() ? "" : " " + map_->unit);
  const std::string low = (range_.cut ? "≤ " : "") + written(range_.low);
  const double high_width = canvas.text_width(high, small_style), low_width = canvas.text_width(low, small_style), bar = 120;
  canvas.text(right - high_width, baseline, high, small_style, colours.quiet);
  const Box box{right - high_width - 8 - bar, baseline - 10, bar, 11};
  canvas.cells(box, ramp_, {0, 0, static_cast<double>(ramp_.columns), 1});
  frame_of(canvas, box, 1, colours.rule);
  canvas.text(box.x - 8 - low_width, baseline, low, small_style, colours.quiet);
}

void ActivationMapPanel::draw_cells(Canvas& canvas) {
  const Box& plot = scene_.plot();
  int pool = 1;  // no column is narrower than a pixel: what lies between two would not be drawn at all
  while (scene_.column_width() * pool < 1) pool *= 2;
  if (pool != pooled_) cells_ = colour_cells(*map_, range_, dark_, pool);
  pooled_ = pool;
  const double end = std::min<double>(scene_.tokens(), scene_.first() + scene_.shown());
  const Box filled{plot.x, plot.y, (end - scene_.first()) * scene_.column_width(), plot.height};
  canvas.cells(filled, cells_,
               {scene_.first() / pool, 0, (end - scene_.first()) / pool, static_cast<double>(map_->layers)});
}

void ActivationMapPanel::draw_axes(Canvas& canvas) const {
  const Ink colours = ink(dark_);
  const Box& plot = scene_.plot();
  double free_from = plot.x;
  for (size_t s = 0; s < map_->step_begins.size(); ++s) {  // steps: a line, and the number above where there is room
    const double x = scene_.x_of(map_->step_begins[s]);
    if (x < plot.x - 0.5 || x >= plot.right()) continue;
    const double next = scene_.x_of(s + 1 < map_->step_begins.size() ? map_->step_begins[s + 1] : map_->tokens);
    if (s > 0) canvas.line(x, plot.y - 5, x, next - x < 6 ? plot.y : plot.bottom(), 1, colours.rule);  // no grey wall
    const std::string name = (s == 0 ? "step " : "") + std::to_string(s);
    if (x < free_from) continue;
    canvas.text(x + 2, plot.y - 5, name, small_style, colours.quiet);
    free_from = x + canvas.text_width(name, small_style) + 10;
  }
  const int every_layer = round_step(scene_.row_height(), 15);
  for (int layer = 0; layer < map_->layers; layer += every_layer) {
    const Box row = scene_.box_of({layer, 0});
    const std::string name = layer < static_cast<int>(map_->layer_names.size()) ? map_->layer_names[layer] : std::to_string(layer);
    canvas.text(plot.x - 8 - canvas.text_width(name, small_style), row.y + row.height / 2 + 4, name, small_style, colours.quiet);
  }
  canvas.text(6, plot.y - 5, "layer", small_style, colours.quiet);

  const double column = scene_.column_width(), baseline = plot.bottom() + 14;
  const bool texts = column >= 22;
  const int every = texts ? 1 : round_step(column, 48);
  for (int token = static_cast<int>(std::ceil(scene_.first() - (texts ? 0.3 : 0)) + every - 1) / every * every; token < map_->tokens; token += every) {
    const double x = scene_.x_of(token);
    if (x + (texts ? column : 24) > plot.right() + 1) break;
    const std::string name = texts ? elide(canvas, visible_token(map_->token_texts[token]), small_style, column - 2) : std::to_string(token);
    canvas.text(std::max(plot.x, x + (column - canvas.text_width(name, small_style)) / 2), baseline, name, small_style, colours.quiet);
  }
}

void ActivationMapPanel::draw_crosshair(Canvas& canvas) const {
  const Box& plot = scene_.plot();
  if (cursor_.token < 0) return;
  const Box column = scene_.box_of({0, cursor_.token});
  if (column.right() < plot.x || column.x > plot.right()) return;
  // A light line with dark edges, or the other way round: it is seen on every colour of both maps.
  constexpr Rgba edge{0x00, 0x00, 0x00, 0x8C}, core{0xFF, 0xFF, 0xFF, 0xE6};
  auto ruled = [&](double x0, double y0, double x1, double y1) {
    canvas.line(x0, y0, x1, y1, 3, edge);
    canvas.line(x0, y0, x1, y1, 1, core);
  };
  const double middle = std::floor(column.x + column.width / 2) + 0.5;
  canvas.fill({middle - 4, plot.y - 4, 8, 3}, ink(dark_).accent);  // the place in the margin, as on a ruler
  if (cursor_.layer < 0) {
    ruled(middle, plot.y, middle, plot.bottom());
    return;
  }
  const Box cell = scene_.box_of(cursor_);
  const double across = std::floor(cell.y + cell.height / 2) + 0.5, end = std::min(plot.right(), scene_.x_of(scene_.tokens()));
  canvas.fill({plot.x - 4, across - 4, 3, 8}, ink(dark_).accent);
  if (cell.x - 3 > plot.x) ruled(plot.x, across, cell.x - 3, across);
  if (cell.right() + 3 < end) ruled(cell.right() + 3, across, end, across);
  if (cell.y - 3 > plot.y) ruled(middle, plot.y, middle, cell.y - 3);
  if (cell.bottom() + 3 < plot.bottom()) ruled(middle, cell.bottom() + 3, middle, plot.bottom());
  const double left = std::max(plot.x, cell.x), right = std::min(plot.right(), cell.right());
  frame_of(canvas, {left - 2, cell.y - 2, right - left + 4, cell.height + 4}, 1, edge);
  frame_of(canvas, {left, cell.y, right - left, cell.height}, 2, {0xFF, 0xFF, 0xFF});
}

std::string ActivationMapPanel::reading(Cell cell) const {
  const float value = map_->value(cell.layer, cell.token);
  return fmt::format("layer {} · token {} “{}” · {}{}", map_->layer_names[cell.layer], cell.token,
                     visible_token(map_->token_texts[cell.token]), written(value),
                     map_->unit.empty() || std::isnan(value) ? "" : " " + map_->unit);
}

void ActivationMapPanel::draw_reading(Canvas& canvas, const Input& input) const {
  const Ink colours = ink(dark_);
  const double baseline = input.height - 9;
  if (cursor_.token >= 0 && cursor_.layer >= 0) {
    canvas.text(layer_axis, baseline,
                elide(canvas, reading(cursor_), text_style, input.width - layer_axis - panel_margin), text_style,
                colours.text);
  } else {
    canvas.text(layer_axis, baseline,
                elide(canvas, "Click a cell to go there; wheel zooms, drag moves, double click shows all", small_style,
                      input.width - layer_axis - panel_margin),
                small_style, colours.quiet);
  }
  if (input.inside && !input.down)
    if (const auto under = scene_.cell_at(input.mouse_x, input.mouse_y))
      draw_tip(canvas, input, reading(*under), dark_);
}

}  // namespace stemma
