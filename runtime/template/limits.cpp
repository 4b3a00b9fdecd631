#include "runtime/template/limits.h"

#include <fmt/format.h>

#include "runtime/template/values/value.h"

namespace stemma::jinja {

namespace {

thread_local Meter* current_meter = nullptr;

}  // namespace

Meter::Meter(const TemplateLimits& limits) : limits_(limits), outer_(current_meter) { current_meter = this; }

Meter::~Meter() {
  burying_ = true;
  for (Cell* cell : cells_) cell->empty(graves_);
  burying_ = false;
  while (!graves_.empty()) {
    burying_ = true;
    std::vector<Value> open;
    open.swap(graves_);
    open.clear();
    burying_ = false;
  }
  current_meter = outer_;
}

Meter* Meter::current() { return current_meter; }

void Meter::work(int64_t steps) {
  steps_ += steps;
  if (steps_ > limits_.steps)
    throw Stop(fmt::format("stopped after {} steps; it seems to loop for ever", limits_.steps));
}

void Meter::expect_room(int64_t bytes) const {
  if (bytes > limits_.bytes - bytes_)
    throw Stop(fmt::format("stopped, since what it builds would need more than {} MB", limits_.bytes / 1'000'000));
}

void Meter::take(int64_t bytes) {
  expect_room(bytes);
  bytes_ += bytes;
}

void Meter::bury(Cell& cell) {
  cells_.erase(&cell);
  cell.empty(graves_);
  if (burying_) return;
  burying_ = true;
  while (!graves_.empty()) {
    Value next = std::move(graves_.back());
    graves_.pop_back();
  }
  burying_ = false;
}

Cell::Cell() : meter_(Meter::current()) {
  if (meter_) meter_->cells_.insert(this);
}

Cell::~Cell() {
  if (meter_) meter_->cells_.erase(this);  // where a constructor failed, nothing else has
}

void Cell::take_apart() {
  if (meter_) meter_->bury(*this);
}

void work(int64_t steps) {
  if (current_meter) current_meter->work(steps);
}

void expect_room(int64_t bytes) {
  if (current_meter) current_meter->expect_room(bytes);
}

int deeper(int depth) {
  if (depth >= deepest_value) throw Stop(fmt::format("nests values more than {} deep", deepest_value));
  return depth + 1;
}

}  // namespace stemma::jinja
