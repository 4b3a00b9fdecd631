#include "viewer/scene.h"

#include <algorithm>
#include <cmath>

namespace stemma {
namespace {
constexpr double widest_column = 64, fitted_column = 28;  // logical pixels
}

void Scene::set_size(int layers, int tokens) {
  layers_ = layers;
  tokens_ = tokens;
  fit();
}

// A short trace is not stretched: its columns stay at a calm width and the plot ends with it.
double Scene::most_shown() const { return std::max<double>(std::max(tokens_, 1), plot_.width / fitted_column); }

void Scene::fit() {
  fitted_ = true;
  clamp();
}

void Scene::clamp() {
  const double most = most_shown();
  const double least = std::min(most, std::max(1.0, plot_.width / widest_column));
  shown_ = fitted_ ? most : std::clamp(shown_, least, most);
  first_ = std::clamp(fitted_ ? 0 : first_, 0.0, std::max(0.0, tokens_ - shown_));
}

void Scene::zoom(double factor, double x) {
  if (plot_.width <= 0) return;
  const double place = std::clamp((x - plot_.x) / plot_.width, 0.0, 1.0), anchor = first_ + place * shown_;
  fitted_ = false;
  shown_ /= factor;
  clamp();
  first_ = anchor - place * shown_;
  clamp();
  fitted_ = shown_ >= most_shown();
}

void Scene::pan(double pixels) {
  if (fitted_ || plot_.width <= 0) return;
  first_ -= pixels / column_width();
  clamp();
}

void Scene::reveal(int token) {
  if (token < 0 || fitted_) return;
  const double margin = std::min(2.0, shown_ / 4);
  if (token < first_ + margin) first_ = token - margin;
  if (token + 1 > first_ + shown_ - margin) first_ = token + 1 - shown_ + margin;
  clamp();
}

Box Scene::box_of(Cell cell) const {
  const double row = row_height();
  return {x_of(cell.token), plot_.y + (layers_ - 1 - cell.layer) * row, column_width(), row};
}

std::optional<Cell> Scene::cell_at(double x, double y) const {
  if (!plot_.holds(x, y) || layers_ == 0) return std::nullopt;
  const int token = static_cast<int>(std::floor(first_ + (x - plot_.x) / column_width()));
  const int row = std::min(layers_ - 1, static_cast<int>((y - plot_.y) / row_height()));
  if (token < 0 || token >= tokens_) return std::nullopt;
  return Cell{layers_ - 1 - row, token};
}

}  // namespace stemma
