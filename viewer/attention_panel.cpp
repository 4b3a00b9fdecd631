#include "viewer/attention_panel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "viewer/activation_map.h"
#include "viewer/panel_parts.h"

namespace stemma {
namespace {

constexpr double axis = 20, step_axis = 46;

// The largest of each block of `pool` x `pool`: a step that is looked at hard stays in sight however small it is drawn.
Cells pooled_cells(const AttentionMap& map, int pool, double most, bool dark) {
  const int side = (map.steps + pool - 1) / pool;
  std::vector<float> largest(static_cast<size_t>(side) * side, std::nanf(""));
  for (int i = 0; i < map.steps; ++i)
    for (int j = 0; j <= i; ++j) {
      float& cell = largest[static_cast<size_t>(i / pool) * side + j / pool];
      cell = std::isnan(cell) ? map.value(i, j) : std::max(cell, map.value(i, j));
    }
  Cells cells{side, side, {}, next_stamp()};
  for (const float value : largest)
    cells.pixels.push_back(std::isnan(value) ? ink(dark).ground : sequential_colour(value / most));
  return cells;
}

}  // namespace

void AttentionPanel::show(std::shared_ptr<const AttentionMap> map) {
  const bool same = map && map_ && map->steps == map_->steps && map->trace_id == map_->trace_id;
  map_ = map && !map->empty() ? std::move(map) : nullptr;
  pooled_ = 0;
  ramp_ = {};
  if (!map_) return;
  if (!same) left_ = top_ = 0, shown_ = map_->steps;
  if (cursor_ >= map_->steps) cursor_ = -1;
  std::vector<float> values;
  for (const float value : map_->values)
    if (!std::isnan(value)) values.push_back(value);
  const auto place = values.end() - 1 - static_cast<ptrdiff_t>(values.size() / 100);
  std::nth_element(values.begin(), place, values.end());
  most_ = std::max(1e-6, static_cast<double>(*place));
  cut_ = *std::max_element(values.begin(), values.end()) > most_;
  set_cursor(cursor_);
}

void AttentionPanel::set_cursor(int step) {
  cursor_ = map_ && step >= map_->steps ? -1 : step;
  if (!map_ || cursor_ < 0) return steps_.show("Click a row to see what its step looks at.", {});
  std::vector<Attended> rows;
  for (int j = 0; j <= cursor_; ++j)
    rows.push_back({j, std::to_string(j), map_->value(cursor_, j),
                    j == cursor_ ? "itself" : map_->step_texts[static_cast<size_t>(j)]});
  std::stable_sort(rows.begin(), rows.end(), [](const Attended& a, const Attended& b) { return a.share > b.share; });
  steps_.show(fmt::format("Step {} looks most at", cursor_), std::move(rows));
  reveal();
}

void AttentionPanel::set_dark(bool dark) {
  if (dark != dark_) pooled_ = 0, ramp_ = {};
  dark_ = dark;
}

void AttentionPanel::clamp() {
  const double most = map_ ? map_->steps : 1;
  shown_ = std::clamp(shown_, std::min(most, 8.0), most);
  left_ = std::clamp(left_, 0.0, most - shown_);
  top_ = std::clamp(top_, 0.0, most - shown_);
}

void AttentionPanel::reveal() {
  if (cursor_ < top_) top_ = cursor_;
  if (cursor_ + 1 > top_ + shown_) top_ = cursor_ + 1 - shown_;
  clamp();
}

void AttentionPanel::zoom(double factor, double x, double y) {
  const double across = std::clamp((x - plot_.x) / plot_.width, 0.0, 1.0),
               down = std::clamp((y - plot_.y) / plot_.height, 0.0, 1.0), before = shown_;
  shown_ /= factor;
  shown_ = std::clamp(shown_, std::min<double>(map_->steps, 8), static_cast<double>(map_->steps));
  left_ += across * (before - shown_);
  top_ += down * (before - shown_);
  clamp();
}

void AttentionPanel::lay_out(const Input& input) {
  const double height = std::max(40.0, input.height - panel_header - axis - panel_status);
  const double width = std::clamp(input.width * 0.5, 120.0, std::max(120.0, 1.6 * height));
  plot_ = {step_axis, panel_header, width, height};
  const double left = plot_.right() + 36;
  list_ = {left, panel_header, std::max(0.0, input.width - left - panel_margin), height + axis};
}

Box AttentionPanel::box_of(int step, int seen) const {
  const double wide = plot_.width / shown_, high = plot_.height / shown_;
  return {plot_.x + (seen - left_) * wide, plot_.y + (step - top_) * high, wide, high};
}

std::optional<AttentionPanel::Place> AttentionPanel::place_at(double x, double y) const {
  if (!plot_.holds(x, y)) return std::nullopt;
  const int step = static_cast<int>(top_ + (y - plot_.y) / plot_.height * shown_),
            seen = static_cast<int>(left_ + (x - plot_.x) / plot_.width * shown_);
  if (step >= map_->steps || seen >= map_->steps) return std::nullopt;
  return Place{step, seen};
}

std::optional<int> AttentionPanel::apply(const Input& input) {
  std::optional<int> chosen;
  const bool over = input.inside && plot_.holds(input.mouse_x, input.mouse_y);
  if (over && input.wheel != 0) zoom(std::pow(1.25, input.wheel), input.mouse_x, input.mouse_y);
  if (input.down && !was_down_) {
    dragged_ = false;
    press_x_ = last_x_ = input.mouse_x;
    press_y_ = last_y_ = input.mouse_y;
  } else if (input.down) {
    if (std::hypot(input.mouse_x - press_x_, input.mouse_y - press_y_) > 4) dragged_ = true;
    if (dragged_ && plot_.holds(press_x_, press_y_)) {
      left_ -= (input.mouse_x - last_x_) / plot_.width * shown_;
      top_ -= (input.mouse_y - last_y_) / plot_.height * shown_;
      clamp();
    }
    last_x_ = input.mouse_x;
    last_y_ = input.mouse_y;
  } else if (was_down_ && !dragged_) {
    if (const auto place = place_at(press_x_, press_y_)) chosen = place->step;
    if (const auto row = steps_.row_at(press_x_, press_y_); row && tokens_.empty()) chosen = *row;
  }
  was_down_ = input.down;
  if (input.double_click && over) {
    shown_ = map_->steps;
    clamp();
    dragged_ = true;  // its release chooses nothing: other cells lie there now
  }
  for (const Key key : input.keys) {
    const double x = plot_.x + plot_.width / 2, y = plot_.y + plot_.height / 2;
    if (key == Key::up || key == Key::left) chosen = std::max(0, cursor_ - 1);
    if (key == Key::down || key == Key::right) chosen = std::min(map_->steps - 1, cursor_ + 1);
    if (key == Key::zoom_in) zoom(1.25, x, y);
    if (key == Key::zoom_out) zoom(0.8, x, y);
    if (key == Key::home || key == Key::escape) zoom(1e-9, x, y);
  }
  if (chosen && *chosen == cursor_) chosen.reset();
  if (chosen) set_cursor(*chosen);
  return chosen;
}

std::optional<int> AttentionPanel::frame(Canvas& canvas, const Input& input) {
  canvas.fill({0, 0, input.width, input.height}, ink(dark_).ground);
  lay_out(input);
  choose_token(input);
  std::optional<int> chosen;
  if (map_) {
    chosen = apply(input);
    draw_map(canvas);
    draw_header(canvas, input);
  } else {
    Input left = input;
    if (!tokens_.empty()) left.width = list_.x;
    draw_message(canvas, left, message_, dark_);
  }
  if (!tokens_.empty())
    tokens_.draw(canvas, input, list_, dark_);
  else if (map_)
    steps_.draw(canvas, input, list_, dark_);
  if (map_ && input.inside && !input.down)
    if (const auto under = place_at(input.mouse_x, input.mouse_y)) draw_tip(canvas, input, reading(*under), dark_);
  return chosen;
}

void AttentionPanel::choose_token(const Input& input) {
  const bool released = token_press_ && !input.down;
  if (input.down && !token_press_) token_press_ = std::pair(input.mouse_x, input.mouse_y);
  if (!released) return;
  const auto token = tokens_.row_at(token_press_->first, token_press_->second);
  token_press_.reset();
  if (token && !dragged_ && token_chosen_) token_chosen_(*token);
}

void AttentionPanel::draw_header(Canvas& canvas, const Input& input) {
  const Ink colours = ink(dark_);
  constexpr double baseline = 22, bar = 120;
  if (ramp_.columns == 0) {
    ramp_ = {128, 1, {}, next_stamp()};
    for (int i = 0; i < ramp_.columns; ++i) ramp_.pixels.push_back(sequential_colour(i / 127.0));
  }
  const std::string high = (cut_ ? "≥ " : "") + percent(most_) + " of a step's attention";
  const double right = input.width - panel_margin, wide = canvas.text_width(high, small_style);
  canvas.text(right - wide, baseline, high, small_style, colours.quiet);
  const Box box{right - wide - 8 - bar, baseline - 10, bar, 11};
  canvas.cells(box, ramp_, {0, 0, static_cast<double>(ramp_.columns), 1});
  frame_of(canvas, box, 1, colours.rule);
  canvas.text(box.x - 8 - canvas.text_width("0", small_style), baseline, "0", small_style, colours.quiet);
  const double room = box.x - 30 - panel_margin;
  const std::string name = elide(canvas, "Attention between steps", title_style, room);
  canvas.text(panel_margin, baseline, name, title_style, colours.text);
  const double x = panel_margin + canvas.text_width(name, title_style) + 10;
  const std::string which =
      fmt::format("{} steps{}", map_->steps,
                  pooled_ > 1 ? fmt::format(" · each point the largest of {} × {}", pooled_, pooled_) : "");
  canvas.text(x, baseline, elide(canvas, which, small_style, box.x - 24 - x), small_style, colours.quiet);
}

void AttentionPanel::draw_map(Canvas& canvas) {
  const Ink colours = ink(dark_);
  int pool = 1;
  while (shown_ / pool > std::max(1.0, std::min(plot_.width, plot_.height))) pool *= 2;
  if (pool != pooled_) {
    pooled_ = pool;
    cells_ = pooled_cells(*map_, pool, most_, dark_);
  }
  canvas.cells(plot_, cells_, {left_ / pool, top_ / pool, shown_ / pool, shown_ / pool});
  frame_of(canvas, plot_, 1, colours.rule);
  const int down = round_step(plot_.height / shown_, 18), across = round_step(plot_.width / shown_, 48);
  for (int step = static_cast<int>(std::ceil(top_ / down)) * down; step < top_ + shown_; step += down) {
    const Box cell = box_of(step, 0);
    const std::string name = std::to_string(step);
    const double y = cell.y + cell.height / 2;
    if (y < plot_.y || y > plot_.bottom()) continue;
    canvas.text(plot_.x - 8 - canvas.text_width(name, small_style), y + 4, name, small_style, colours.quiet);
  }
  for (int step = static_cast<int>(std::ceil(left_ / across)) * across; step < left_ + shown_; step += across) {
    const Box cell = box_of(0, step);
    const std::string name = std::to_string(step);
    const double x = cell.x + (cell.width - canvas.text_width(name, small_style)) / 2;
    if (cell.x + cell.width / 2 > plot_.right() - 10) continue;
    canvas.text(std::max(plot_.x, x), plot_.bottom() + 14, name, small_style, colours.quiet);
  }
  const std::string words = "rows look at columns";
  canvas.text(plot_.x, plot_.bottom() + axis + 14, elide(canvas, words, small_style, plot_.width), small_style,
              colours.quiet);
  if (cursor_ < 0) return;
  const Box cell = box_of(cursor_, cursor_);
  const double y = std::clamp(cell.y, plot_.y, plot_.bottom()),
               end = std::clamp(cell.bottom(), plot_.y, plot_.bottom());
  constexpr Rgba edge{0x00, 0x00, 0x00, 0x8C}, core{0xFF, 0xFF, 0xFF, 0xE6};
  for (const double at : {y, end}) {  // seen on every colour of the map
    canvas.line(plot_.x, at, plot_.right(), at, 3, edge);
    canvas.line(plot_.x, at, plot_.right(), at, 1, core);
  }
  canvas.fill({plot_.x - 5, (y + end) / 2 - 4, 4, 8}, colours.accent);
}

std::string AttentionPanel::reading(Place place) const {
  if (place.seen > place.step)
    return fmt::format("step {} comes before step {}: it cannot look at it", place.step, place.seen);
  return fmt::format("step {} gives step {} {} of its attention · “{}”", place.step, place.seen,
                     percent(map_->value(place.step, place.seen)), map_->step_texts[static_cast<size_t>(place.seen)]);
}

}  // namespace stemma
