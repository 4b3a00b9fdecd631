#include "app/document.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "app/resources.h"
#include "app/settings.h"
#include "app/shading.h"
#include "app/working_copy.h"
#include "runtime/trace/capture_check.h"

namespace stemma {

OpenSession::OpenSession(QObject* parent) : QObject(parent) {}
OpenSession::~OpenSession() = default;

bool OpenSession::is_demo() const {
  std::error_code error;
  return session_ && std::filesystem::equivalent(session_->path, demo_session(), error);
}

void OpenSession::open(const QString& path) {
  emit opening(path);
  struct Opened {
    std::shared_ptr<const Session> session;
    std::string note;
  };
  open_(
      archive_,
      [file = std::filesystem::path(path.toStdString())] {
        Opened opened;
        opened.session = std::make_shared<const Session>(load_session(file, &opened.note));
        return opened;
      },
      [this, path](Opened opened) {
        adopt(opened.session, {});
        if (!is_demo()) Settings::add_recent(path);
        if (!opened.note.empty()) say({Message::note, QString::fromStdString(opened.note)});
      },
      [this](const QString& sentence) {
        emit session_changed();
        say({Message::error, sentence});
      });
}

void OpenSession::save_as(const QString& path) {
  if (!session_) return;
  save_(
      archive_,
      [session = session_, file = std::filesystem::path(path.toStdString())] {
        const auto from = activations_path(session->path), to = activations_path(file);
        std::error_code error;
        if (!session->path.empty() && std::filesystem::exists(from, error) && from != to) {
          std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
        }
        auto copy = std::make_shared<Session>(*session);
        if (!copy->path.empty()) anchor_models(*copy);
        save_session(*copy, file);
        return std::shared_ptr<const Session>(copy);
      },
      [this, path](std::shared_ptr<const Session> saved) {
        const Trace* shown = trace();
        const std::string id = shown ? shown->id : std::string();
        adopt(saved, id);
        Settings::add_recent(path);
        say({Message::note, QStringLiteral("Saved as %1.").arg(path)});
      },
      [this](const QString& sentence) {
        say({Message::error, sentence});
      });
}

void OpenSession::start_empty(const QString& path) {
  auto session = std::make_shared<Session>();
  session->path = path.toStdString();
  adopt(session, {});
}

void OpenSession::adopt(std::shared_ptr<const Session> session, const std::string& trace_id) {
  const Cursor before = cursor_;
  const bool same_place = session_ && session_->path == session->path && !trace_id.empty();
  live_ = nullptr;
  choose({});
  if (!session_ || !session || session_->path != session->path) {
    recomputed_.clear();
    measured_.clear();
  }
  session_ = std::move(session);
  cursor_ = {};
  activations_ = nullptr;
  attention_ = nullptr;
  const auto& traces = session_->traces;
  const auto found = std::find_if(traces.begin(), traces.end(), [&](const Trace& t) { return t.id == trace_id; });
  cursor_.trace = found != traces.end() ? static_cast<int>(found - traces.begin()) : traces.empty() ? -1 : 0;
  table_ = nullptr;
  refresh_table();
  if (const Trace* shown = trace()) {
    const bool kept =
        same_place && before.trace == cursor_.trace && before.step < static_cast<int>(shown->steps.size());
    const auto first = std::find_if(shown->steps.begin(), shown->steps.end(),
                                    [](const Step& s) { return s.kind != StepKind::prompt; });
    cursor_.step = kept                          ? before.step
                   : shown->steps.empty()        ? -1
                   : first == shown->steps.end() ? 0
                                                 : static_cast<int>(first - shown->steps.begin());
    cursor_.document = first_document(row());
  }
  emit session_changed();
  emit trace_changed();
  emit table_changed();
  emit cursor_changed(cursor_, before);
}

const Trace* OpenSession::trace() const {
  if (live_) return live_.get();
  if (!session_ || cursor_.trace < 0 || cursor_.trace >= static_cast<int>(session_->traces.size())) return nullptr;
  return &session_->traces[cursor_.trace];
}

const Step* OpenSession::step() const {
  const Trace* shown = trace();
  if (!shown || cursor_.step < 0 || cursor_.step >= static_cast<int>(shown->steps.size())) return nullptr;
  return &shown->steps[cursor_.step];
}

const InfluenceTable* OpenSession::table() const { return live_ ? nullptr : table_; }

int OpenSession::row() const {
  const InfluenceTable* documents = table();
  if (documents && asked()) return documents->steps > 0 ? 0 : -1;
  return documents ? row_of_step(*documents, cursor_.step) : -1;
}

std::optional<AskedSpan> OpenSession::asked() const {
  const InfluenceTable* documents = table();
  return documents ? documents->asked : std::nullopt;
}

void OpenSession::choose(ChosenTokens tokens) {
  const Trace* shown = trace();
  tokens = shown && !live_ ? ChosenTokens{std::max(1, tokens.begin), std::min(shown->size(), tokens.end)} : ChosenTokens();
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

std::vector<const InfluenceTable*> OpenSession::tables() const {
  std::vector<const InfluenceTable*> out;
  const Trace* shown = trace();
  if (!session_ || !shown) return out;
  for (const auto& [key, table] : session_->influence) {
    if (key.first == shown->id) out.push_back(&table);
  }
  return out;
}

QString OpenSession::model_folder() const {
  const Trace* shown = trace();
  if (!session_ || !shown) return {};
  const auto found = session_->models.find(shown->model_hash);
  if (found == session_->models.end() || found->second.path.empty()) return {};
  const std::filesystem::path folder = std::filesystem::absolute(session_->path).parent_path() / found->second.path;
  return QString::fromStdString(folder.lexically_normal().string());
}

void OpenSession::refresh_table() {
  table_ = nullptr;
  magnitudes_.clear();
  const Trace* shown = trace();
  if (session_ && shown && !live_) {
    const auto known = tables();
    const auto is_there = [&](const std::string& method) {
      return std::ranges::find(known, method, &InfluenceTable::method) != known.end();
    };
    if (!known.empty() && !is_there(method_)) method_ = is_there("ekfac") ? "ekfac" : known.front()->method;
    table_ = session_->table(shown->id, method_);
  }
  if (table_) magnitudes_ = step_magnitudes(*table_);
}

void OpenSession::set_method(const std::string& method) {
  if (method == method_ && !asked()) return;
  method_ = method;
  refresh_table();
  emit table_changed();
  Cursor next = cursor_;
  if (const auto span = asked()) {  // what the answer is about
    choose({span->begin, span->end});
    next.step = step_of_token(span->begin);
    next.token = -1;
  } else {
    choose({});
  }
  next.document = first_document(row());
  move_to(next);
}

int OpenSession::first_document(int row) const {
  const InfluenceTable* documents = table();
  if (!documents || row < 0 || documents->top <= 0) return -1;
  return documents->top_documents[static_cast<size_t>(row) * documents->top];
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

void OpenSession::show_live(std::shared_ptr<const Trace> trace) {
  const bool began = !live_ && trace;
  const Cursor before = cursor_;
  live_ = std::move(trace);
  if (began) {
    choose({});
    before_live_ = cursor_;
    cursor_ = {};
    activations_ = nullptr;
    attention_ = nullptr;
    emit table_changed();
  }
  if (live_ && !live_->steps.empty()) cursor_.step = static_cast<int>(live_->steps.size()) - 1;
  if (!live_) {
    cursor_ = before_live_;
    refresh_table();
  }
  emit trace_changed();
  if (!live_) emit table_changed();
  if (cursor_ != before) emit cursor_changed(cursor_, before);
}

QString OpenSession::activations_source(QString* detail) const {
  if (detail) detail->clear();
  if (!activations_) return {};
  if (activations_->recomputed) return tr("Recomputed from the tokens");
  const auto found = session_->checks.find(activations_->trace_id);
  if (found == session_->checks.end()) return tr("Recorded while the model wrote");
  const CaptureCheck& check = found->second;
  if (detail)
    *detail = tr("Recorded while the model wrote, as 16-bit floats; %1").arg(QString::fromStdString(words_of(check)));
  if (!std::isfinite(check.nats)) return tr("Recorded · does not give back the log-probabilities");
  return tr("Recorded · log-probabilities agree within %1 nats").arg(check.nats, 0, 'g', 2);
}

bool OpenSession::can_recompute() const {
  const Trace* shown = trace();
  if (!shown || live_ || recomputed_.contains(shown->id) || model_folder().isEmpty()) return false;
  const auto found = session_->activations.find(shown->id);
  return found == session_->activations.end() || found->second.empty();
}

void OpenSession::show_recomputed(const std::string& trace_id, std::vector<ActivationMap> maps) {
  auto& kept = recomputed_[trace_id];
  kept.clear();
  for (ActivationMap& map : maps) kept.push_back(std::make_shared<const ActivationMap>(std::move(map)));
  emit trace_changed();
}

void OpenSession::read_activations(ActivationQuantity quantity) {
  const Trace* shown = trace();
  activations_ = nullptr;
  activations_message_.clear();
  if (!shown || live_) {
    activations_message_ = live_ ? tr("Activations appear when the run is done.") : tr("No trace is open.");
    emit activations_changed();
    return;
  }
  const auto found = session_->activations.find(shown->id);
  if (found == session_->activations.end() || found->second.empty()) {
    if (const auto maps = recomputed_.find(shown->id); maps != recomputed_.end())
      activations_ = maps->second.at(static_cast<size_t>(quantity));
    else
      activations_message_ = can_recompute()
                                 ? tr("No activations were recorded for this trace. They can be computed again from its tokens.")
                                 : tr("No activations were recorded for this trace. Run its prompt again to record them.");
    emit activations_changed();
    return;
  }
  read_(
      writing_ ? compute_ : archive_,
      [session = session_, shown, sites = found->second, quantity] {  // a trace lives as long as its session
        return std::make_shared<const ActivationMap>(recorded_map(session->path, *shown, sites, quantity));
      },
      [this](std::shared_ptr<const ActivationMap> map) {
        activations_ = std::move(map);
        emit activations_changed();
      },
      [this](const QString& sentence) {
        activations_message_ = sentence;
        emit activations_changed();
      });
}

}  // namespace stemma
