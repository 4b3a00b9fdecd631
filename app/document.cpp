#include "app/document.h"

#include <algorithm>
#include <filesystem>

#include "app/resources.h"
#include "app/settings.h"
#include "app/shading.h"
#include "app/working_copy.h"

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
  so_far_ = nullptr;
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
    if (kept) cursor_.layer = before.layer, cursor_.head = before.head;
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

std::vector<const InfluenceTable*> OpenSession::tables() const {
  std::vector<const InfluenceTable*> out;
  const Trace* shown = trace();
  if (!session_ || !shown) return out;
  const InfluenceTable* so_far = so_far_here();
  for (const auto& [key, table] : session_->influence) {
    if (key.first == shown->id && !(so_far && so_far->method == table.method)) out.push_back(&table);
  }
  if (so_far) out.push_back(so_far);
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
    const InfluenceTable* so_far = so_far_here();
    table_ = so_far && so_far->method == method_ ? so_far : session_->table(shown->id, method_);
  }
  if (table_) magnitudes_ = step_magnitudes(*table_);
}

const InfluenceTable* OpenSession::so_far_here() const {
  const Trace* shown = trace();
  return so_far_ && shown && so_far_->trace_id == shown->id ? so_far_.get() : nullptr;
}

void OpenSession::show_so_far(std::shared_ptr<const InfluenceTable> table) {
  if (!table && !so_far_) return;
  if (table && !so_far_) {
    method_before_ = method_;
    method_ = table->method;
  }
  if (!table && so_far_->method == method_) method_ = method_before_;
  const bool was_shown = is_so_far();
  const std::string held = was_shown ? held_document() : "";
  so_far_ = std::move(table);
  refresh_table();
  if (was_shown || is_so_far()) cursor_.document = first_document(row());
  emit table_changed();
  look_at(held);
}

std::string OpenSession::held_document() const {
  const int shown = cursor_.document;
  if (!table() || shown < 0 || shown >= table_->documents || shown == first_document(row())) return {};
  return table_->document_ids[static_cast<size_t>(shown)];
}

void OpenSession::look_at(const std::string& document) {
  if (!table() || document.empty()) return;
  for (int n = 0; n < table_->documents; ++n)
    if (table_->document_ids[static_cast<size_t>(n)] == document && table_->find(n)) return set_document(n);
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

}  // namespace stemma
