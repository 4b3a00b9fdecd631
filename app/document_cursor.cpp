// The open session's cursor: where it may stand, and what moves with it.
#include <algorithm>

#include "app/document.h"

namespace stemma {

void OpenSession::choose(ChosenTokens tokens) {
  const Trace* shown = trace();
  tokens =
      shown && !live_ ? ChosenTokens{std::max(1, tokens.begin), std::min(shown->size(), tokens.end)} : ChosenTokens();
  if (tokens.empty()) {
    tokens = {};
    anchor_ = -1;
  }
  if (tokens == chosen_) return;
  chosen_ = tokens;
  emit chosen_changed();
}

void OpenSession::extend(int token) {
  if (anchor_ < 0) anchor_ = cursor_.token;
  if (anchor_ < 0 || token < 0) return;
  choose({std::min(anchor_, token), std::max(anchor_, token) + 1});
}

int OpenSession::step_of_token(int token) const {
  const Trace* shown = trace();
  if (!shown) return -1;
  for (size_t i = 0; i < shown->steps.size(); ++i) {
    if (token >= shown->steps[i].begin && token < shown->steps[i].end) return static_cast<int>(i);
  }
  return -1;
}

void OpenSession::move_to(Cursor next) {
  if (next == cursor_) return;
  const Cursor before = cursor_;
  if (next.step != before.step && next.document == before.document) {
    cursor_ = next;
    next.document = first_document(row());
  }
  cursor_ = next;
  emit cursor_changed(cursor_, before);
}

void OpenSession::set_trace(int index) {
  if (!session_ || index < 0 || index >= static_cast<int>(session_->traces.size())) return;
  if (index == cursor_.trace && !live_) return;
  const Cursor before = cursor_;
  choose({});
  live_ = nullptr;
  cursor_ = {};
  cursor_.trace = index;
  activations_ = nullptr;
  attention_ = nullptr;
  refresh_table();
  const auto& steps = session_->traces[index].steps;
  const auto first = std::find_if(steps.begin(), steps.end(), [](const Step& s) { return s.kind != StepKind::prompt; });
  cursor_.step = steps.empty() ? -1 : first == steps.end() ? 0 : static_cast<int>(first - steps.begin());
  cursor_.document = first_document(row());
  emit trace_changed();
  emit table_changed();
  emit cursor_changed(cursor_, before);
}

void OpenSession::set_step(int step) {
  const Trace* shown = trace();
  if (!shown || shown->steps.empty()) return;
  Cursor next = cursor_;
  next.step = std::clamp(step, 0, static_cast<int>(shown->steps.size()) - 1);
  if (next.step != cursor_.step) next.token = -1;
  move_to(next);
}

void OpenSession::set_token(int token) {
  const Trace* shown = trace();
  if (!shown || token < 0 || token >= shown->size()) return;
  Cursor next = cursor_;
  next.token = token;
  if (const int step = step_of_token(token); step >= 0) next.step = step;
  move_to(next);
}

void OpenSession::set_layer_and_token(int layer, int token) {
  const Trace* shown = trace();
  if (!shown || token >= shown->size()) return;
  Cursor next = cursor_;
  next.layer = layer;
  next.token = token;
  if (const int step = step_of_token(token); step >= 0) next.step = step;
  move_to(next);
}

void OpenSession::set_layer(int layer) {
  Cursor next = cursor_;
  next.layer = layer;
  move_to(next);
}

void OpenSession::set_head(int head) {
  Cursor next = cursor_;
  next.head = head;
  move_to(next);
}

void OpenSession::set_document(int document) {
  Cursor next = cursor_;
  next.document = document;
  move_to(next);
}

void OpenSession::move_step(int by) { set_step(cursor_.step + by); }

void OpenSession::move_token(int by) {
  const Trace* shown = trace();
  const Step* now = step();
  if (!shown || !now) return;
  set_token(
      std::clamp(cursor_.token < 0 ? (by > 0 ? now->begin : now->end - 1) : cursor_.token + by, 0, shown->size() - 1));
}

}  // namespace stemma
