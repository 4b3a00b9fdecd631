#include "app/token_attention.h"

#include <QElapsedTimer>
#include <QPointer>

#include "app/numbers.h"

namespace stemma {

TokenAttention::TokenAttention(OpenSession* document, Jobs* jobs)
    : QObject(document), document_(document), jobs_(jobs) {
  connect(document_, &OpenSession::trace_changed, this, [this] {
    const Trace* shown = document_->trace();
    if (document_->is_live() || !shown || shown->id != trace_) forget();
    ask();
  });
  connect(document_, &OpenSession::session_changed, this, &TokenAttention::forget);
  connect(document_, &OpenSession::cursor_changed, this, [this](const Cursor& now, const Cursor& before) {
    if (now.token != before.token || now.layer != before.layer || now.head != before.head) ask();
  });
  // A job has the thread and the session's files to itself.
  connect(jobs_, &Jobs::changed, this, [this] {
    if (jobs_->running() != Jobs::Kind::none && preparing_) preparing_->cancel();
    if (jobs_->running() == Jobs::Kind::none && !row_) ask();
  });
}

TokenAttention::~TokenAttention() {
  for (const auto& control : {preparing_, asking_})
    if (control) control->cancel();
}

void TokenAttention::follow(bool wanted) {
  if (wanted == following_) return;
  following_ = wanted;
  if (!following_) stop();
  ask();
}

void TokenAttention::stop() {
  if (preparing_) preparing_->cancel();
}

void TokenAttention::forget() {
  for (const auto& control : {preparing_, asking_})
    if (control) control->cancel();
  read_.forget();
  compute_.forget();
  preparing_ = asking_ = nullptr;
  if (rows_) document_->compute().post([rows = rows_] { rows->reset(); });  // the device's memory is that thread's
  rows_ = nullptr;
  ready_.clear();
  trace_.clear();
  say({});
}

void TokenAttention::say(const QString& message) {
  row_ = nullptr;
  message_ = message;
  emit changed();
}

QString TokenAttention::words() const {
  if (!row_) return message_;
  return tr("layer %1, %2 · %3")
      .arg(row_->layer)
      .arg(row_->head < 0 ? tr("mean of %1 heads").arg(row_->heads) : tr("head %1").arg(row_->head),
           QString::fromStdString(row_->source()));
}

std::optional<TokenAttention::Place> TokenAttention::shown() const {
  const Trace* trace = document_->trace();
  const Cursor& cursor = document_->cursor();
  if (following_ && trace && !document_->is_live()) {
    const auto facts = document_->session()->models.find(trace->model_hash);
    if (facts != document_->session()->models.end() && facts->second.layers > 0) {
      const int layers = facts->second.layers, heads = facts->second.heads;
      const bool layer = cursor.layer >= 0 && cursor.layer < layers;
      return Place{layer ? cursor.layer : layers - 1, layers, cursor.head < heads ? cursor.head : -1, heads};
    }
  }
  if (const auto map = document_->attention()) return Place{map->layer, map->layers, map->head, map->heads};
  return std::nullopt;
}

std::optional<TokenAttention::Asked> TokenAttention::wanted(const Trace& trace) const {
  const int token = document_->cursor().token;
  const auto place = shown();
  if (token < 0 || token >= trace.size() || !place) return std::nullopt;
  return Asked{token, place->layer, place->head};
}

void TokenAttention::ask() {
  const Trace* shown = document_->trace();
  if (!following_ || !shown) return say({});
  if (document_->is_live() || jobs_->running() != Jobs::Kind::none)
    return say(tr("What tokens look at is computed when the work in hand is done."));
  if (document_->model_folder().isEmpty())
    return say(tr("The model that wrote this trace is not at hand, so what tokens look at cannot be computed."));
  const auto asked = wanted(*shown);
  if (!asked) return say(tr("Go to a token (L, or click it) to see what it looks at."));
  if (preparing_) return;  // asked again when it is done
  if (!rows_) {
    rows_ = std::make_shared<std::unique_ptr<AttentionRows>>();
    trace_ = shown->id;
  }
  if (!ready_.contains(asked->layer)) return prepare(*asked);
  if (asking_) asking_->cancel();
  asking_ = std::make_shared<Control>();
  compute(*asked, nullptr, asking_);
}

void TokenAttention::prepare(const Asked& asked) {
  const Trace* shown = document_->trace();
  preparing_ = std::make_shared<Control>();
  auto last = std::make_shared<QElapsedTimer>();
  preparing_->report = [self = QPointer<TokenAttention>(this), last,
                        control = std::weak_ptr<Control>(preparing_)](const Progress& progress) {
    if (last->isValid() && last->elapsed() < 50) return;
    last->start();
    on_ui_thread([self, control, progress] {
      if (!self || self->preparing_ != control.lock()) return;
      self->say(tr("%1: %2 of %3 tokens, once for this trace · Ctrl+. stops")
                    .arg(QString::fromStdString(progress.stage), count(static_cast<int64_t>(progress.done)),
                         count(static_cast<int64_t>(progress.total))));
    });
  };
  say(tr("Reading the model and what was recorded…"));
  read_(
      document_->archive(),
      [session = document_->session(), shown, layer = asked.layer, control = preparing_] {
        control->check();
        auto residual = recorded_residual(*session, *shown, layer);
        return residual ? std::make_shared<const RecordedResidual>(std::move(*residual)) : nullptr;
      },
      [this, asked, control = preparing_](std::shared_ptr<const RecordedResidual> recorded) {
        compute(asked, std::move(recorded), control);
      },
      [this, control = preparing_](const QString& sentence) { failed(control, sentence); });
}

void TokenAttention::compute(const Asked& asked, std::shared_ptr<const RecordedResidual> recorded,
                             std::shared_ptr<Control> control) {
  struct Computed {
    std::shared_ptr<const AttentionRow> row;
    std::string why;  // there is none of this token
    std::set<int> ready;
  };
  // The trace lives as long as its session, which the work holds.
  auto work = [session = document_->session(), shown = document_->trace(), shelf = jobs_->shelf(), rows = rows_, asked,
               recorded, control, folder = document_->model_folder().toStdString()] {
    control->check();
    if (!*rows) {
      const auto trace = std::shared_ptr<const Trace>(session, shown);
      *rows = std::make_unique<AttentionRows>(shelf->model(folder), trace);
    }
    (*rows)->prepare(asked.layer, recorded.get(), *control);
    Computed computed;
    for (int layer = 0; layer < (*rows)->layers(); ++layer)
      if ((*rows)->has(layer)) computed.ready.insert(layer);
    try {
      computed.row = std::make_shared<const AttentionRow>((*rows)->row(asked.token, asked.layer, asked.head));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::not_found) throw;
      computed.why = error.what();
    }
    return computed;
  };
  compute_(
      document_->compute(), work,
      [this, asked](Computed computed) {
        preparing_ = nullptr;
        ready_ = std::move(computed.ready);
        if (!following_) return;
        const Trace* shown = document_->trace();
        if (const auto now = shown ? wanted(*shown) : std::nullopt; now && *now != asked) return ask();
        row_ = std::move(computed.row);
        message_ = QString::fromStdString(computed.why);
        emit changed();
      },
      [this, control](const QString& sentence) { failed(control, sentence); });
}

void TokenAttention::failed(const std::shared_ptr<Control>& control, const QString& sentence) {
  if (preparing_ == control) preparing_ = nullptr;
  if (!following_ || jobs_->running() != Jobs::Kind::none) return ask();
  say(control->cancelled() ? tr("Stopped. Another token, layer or head asks again.") : sentence);
}

}  // namespace stemma
