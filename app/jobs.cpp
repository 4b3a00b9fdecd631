#include "app/jobs.h"

#include <algorithm>
#include <filesystem>

#include "app/numbers.h"
#include "app/resources.h"
#include "app/settings.h"
#include "app/working_copy.h"
#include "runtime/influence/attribute.h"
#include "runtime/influence/unfinished.h"
#include "runtime/trace/capture_run.h"
#include "runtime/trace/step_attention.h"

namespace stemma {

namespace fs = std::filesystem;

Jobs::Jobs(OpenSession* document) : QObject(document), document_(document), shelf_(std::make_shared<Shelf>()) {}

Jobs::~Jobs() {
  if (control_) control_->cancel();
}

double Jobs::estimate(qint64 documents) {
  const double rate = Settings::scan_rate();
  return rate > 0 ? static_cast<double>(documents) / rate : -1;
}

bool Jobs::begin(Kind kind, const QString& stage) {
  if (kind_ != Kind::none) {
    document_->say({Message::note, tr("Something is still running; stop it first, or wait for it.")});
    return false;
  }
  kind_ = kind;
  control_ = std::make_shared<Control>();
  control_->report = reporter();
  control_->note = [document = QPointer<OpenSession>(document_)](const std::string& sentence) {
    on_ui_thread([document, sentence] {
      if (document) document->say({Message::note, QString::fromStdString(sentence)});
    });
  };
  progress_ = {stage.toStdString()};
  clock_.start();
  document_->set_writing(true);
  emit changed();
  return true;
}

void Jobs::end() {
  kind_ = Kind::none;
  control_ = nullptr;
  document_->set_writing(false);
  emit changed();
}

std::function<void(const Progress&)> Jobs::reporter() {
  // The worker may report thousands of times a second; the window needs twenty.
  auto last = std::make_shared<QElapsedTimer>();
  QPointer<Jobs> self(this);
  auto stage = std::make_shared<std::string>();
  return [self, last, stage, control = std::weak_ptr<Control>(control_)](const Progress& progress) {
    if (last->isValid() && last->elapsed() < 50 && progress.stage == *stage) return;
    last->start();
    *stage = progress.stage;
    on_ui_thread([self, progress, control] {
      if (self && self->control_ == control.lock()) self->report(progress);
    });
  };
}

void Jobs::report(const Progress& progress) {
  progress_ = progress;
  emit progressed();
}

void Jobs::failed(const QString& what, const QString& sentence) {
  const bool cancelled = control_ && control_->cancelled(), resumes = kind_ == Kind::attribute;
  end();
  if (document_->is_live()) document_->show_live(nullptr);
  document_->show_so_far(nullptr);
  if (cancelled) {
    document_->say({Message::note, (resumes ? tr("%1 was cancelled; asked again, it goes on from where it stopped.")
                                            : tr("%1 was cancelled; nothing was changed."))
                                       .arg(what)});
  } else {
    document_->say({Message::error, sentence});
  }
}

void Jobs::say_where(bool was_demo, const QString& path) {
  if (!was_demo) return;
  document_->say({Message::note, tr("The demo stays as it was; your work is kept in a copy of it."), path,
                  tr("Save as…"), [document = document_] { emit document->save_as_wanted(); }});
}

void Jobs::run(const RunRequest& request) {
  if (!begin(Kind::run, tr("Reading the model"))) return;
  const bool was_demo = document_->is_demo();
  QPointer<OpenSession> document(document_);
  struct Ran {
    std::shared_ptr<const Session> session;
    std::string trace;
  };
  auto work = [request, shelf = shelf_, control = control_, session = document_->session(), document] {
    const auto model = shelf->model(request.model.toStdString());
    control->check();
    auto copy = std::make_shared<Session>(working_copy(session ? *session : Session(), demo_session(), data_folder()));
    GenerateRequest generation;
    generation.prompt = request.prompt.toStdString();
    generation.think = request.think;
    generation.sampler.temperature = request.temperature;
    generation.sampler.seed = request.seed;
    generation.sampler.max_tokens = request.max_tokens;
    QElapsedTimer shown;
    const auto tokens = [&shown, document](const Trace& trace, int32_t from) {
      if (shown.isValid() && shown.elapsed() < 30) return;  // a frame
      shown.start();
      on_ui_thread([document, live = std::make_shared<const Trace>(trace)] {
        if (document) document->show_live(live);
      });
    };
    Ran ran;
    const fs::path path = copy->path;
    ran.trace = capture_run(*copy, path, *model, generation, {residual_sites(model->config)}, tokens, *control);
    ran.session = std::move(copy);
    return ran;
  };
  ask_(
      document_->compute(), work,
      [this, was_demo](Ran ran) {
        end();
        const QString path = QString::fromStdString(ran.session->path.string());
        document_->adopt(ran.session, ran.trace);
        Settings::add_recent(path);
        say_where(was_demo, path);
      },
      [this](const QString& sentence) { failed(tr("The run"), sentence); });
}

void Jobs::attribute(const AttributeRequest& request) {
  const Trace* shown = document_->trace();
  if (!shown || document_->is_live()) return;
  if (!begin(Kind::attribute, tr("Reading the model"))) return;
  const bool was_demo = document_->is_demo();
  struct Attributed {
    std::shared_ptr<const Session> session;
    double rate = 0;  // documents scanned exactly a second; 0: none were
    QString skipped;
    std::string method;  // of the table to show
  };
  const auto show_so_far = [document = QPointer<OpenSession>(document_), self = QPointer<Jobs>(this),
                            control = std::weak_ptr<Control>(control_),
                            id = shown->id](std::vector<InfluenceTable> tables) {
    for (InfluenceTable& table : tables)
      if (table.trace_id == id)
        on_ui_thread([=, shown = std::make_shared<const InfluenceTable>(std::move(table))] {
          if (document && self && self->control_ == control.lock()) document->show_so_far(shown);
        });
  };
  auto work = [request, show_so_far, shelf = shelf_, control = control_, session = document_->session(),
               id = shown->id] {
    const auto model = shelf->model(request.model.toStdString());
    const bool indexed = !request.index.isEmpty();
    std::shared_ptr<const Corpus> corpus;
    if (!indexed) {
      control->say({"Reading the corpus"});
      std::vector<fs::path> paths;
      for (const QString& path : request.corpus) paths.emplace_back(path.toStdString());
      corpus = shelf->documents(paths, request.sample);
    }
    std::shared_ptr<const Factors> factors;
    if (!request.gradient) {
      control->say({"Reading the curvature factors"});
      factors = shelf->curvature(request.factors.toStdString(), *model, corpus.get(), *control);
    }
    auto copy = std::make_shared<Session>(working_copy(*session, demo_session(), data_folder()));
    std::vector<const Trace*> traces;
    for (const Trace& trace : copy->traces) {
      if (request.all_traces ? trace.model_hash == model->hash : trace.id == id) traces.push_back(&trace);
    }
    AttributeOptions options;
    options.method = request.gradient ? "gradient" : "ekfac";
    options.span = request.span;
    if (request.two_stages) options.rank = 32;
    options.unfinished = unfinished_path(copy->path);
    QElapsedTimer clock;
    clock.start();
    Attributed out;
    auto tables =
        indexed ? answer(*shelf->index(request.index.toStdString(), model, factors), traces, options, *control,
                         show_so_far)
                : stemma::attribute(*model, factors.get(), *corpus, traces, options, *control);
    for (InfluenceTable& table : tables) {
      const std::pair key(table.trace_id, table.method);
      if (table.trace_id == id) out.method = table.method;
      copy->influence[key] = std::move(table);
    }
    if (!indexed && !request.two_stages)
      out.rate = static_cast<double>(corpus->documents.size()) / std::max(0.001, clock.elapsed() / 1000.0);
    if (!indexed && corpus->broken > 0) {
      out.skipped =
          tr("%1 of the corpus could not be read and were left out.").arg(counted(corpus->broken, "line", "lines"));
      for (const std::string& place : corpus->broken_places) out.skipped += "\n" + QString::fromStdString(place);
    }
    const fs::path path = copy->path;
    save_session(*copy, path);
    remove_unfinished(path);
    out.session = std::move(copy);
    return out;
  };
  ask_(
      document_->compute(), work,
      [this, was_demo, id = shown->id](Attributed done) {
        if (done.rate > 0) Settings::set_scan_rate(done.rate);
        end();
        const Trace* now = document_->trace();
        const QString path = QString::fromStdString(done.session->path.string());
        const std::string shown = now ? now->id : id;
        const std::string held = document_->is_so_far() ? document_->held_document() : "";
        document_->adopt(done.session, shown);
        if (shown == id) document_->set_method(done.method);
        document_->look_at(held);
        Settings::add_recent(path);
        say_where(was_demo, path);
        if (!done.skipped.isEmpty()) {
          document_->say({Message::note, done.skipped.section('\n', 0, 0), done.skipped.section('\n', 1)});
        }
      },
      [this](const QString& sentence) { failed(tr("The attribution"), sentence); });
}

void Jobs::recompute() {
  const Trace* shown = document_->trace();
  if (!shown || !document_->can_recompute() || !begin(Kind::recompute, tr("Reading the model"))) return;
  auto work = [shelf = shelf_, control = control_, trace = *shown, folder = document_->model_folder().toStdString()] {
    const auto model = shelf->model(folder);
    return recomputed_maps(*model, trace, *control);
  };
  ask_(
      document_->compute(), work,
      [this, id = shown->id](std::vector<ActivationMap> maps) {
        end();
        document_->show_recomputed(id, std::move(maps));
      },
      [this](const QString& sentence) { failed(tr("Computing the activations"), sentence); });
}

void Jobs::measure_attention() {
  const Trace* shown = document_->trace();
  if (!shown || !document_->can_measure_attention() || !begin(Kind::attention, tr("Reading the model"))) return;
  auto work = [shelf = shelf_, control = control_, trace = *shown, folder = document_->model_folder().toStdString()] {
    const auto model = shelf->model(folder);
    return std::make_shared<const StepAttention>(attention_of_steps(*model, trace, *control));
  };
  ask_(
      document_->compute(), work,
      [this, id = shown->id](std::shared_ptr<const StepAttention> attention) {
        end();
        document_->show_measured(id, std::move(attention));
      },
      [this](const QString& sentence) { failed(tr("Measuring attention"), sentence); });
}

void Jobs::cancel() {
  if (!control_ || control_->cancelled()) return;
  control_->cancel();
  emit changed();
}

}  // namespace stemma
