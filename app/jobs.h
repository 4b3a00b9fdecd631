// The long work of the window: running a prompt, finding the documents behind a trace, computing its activations again.
// One at a time.
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QStringList>
#include <memory>

#include "app/document.h"
#include "app/shelf.h"
#include "runtime/progress.h"

namespace stemma {

struct RunRequest {
  QString model;  // folder
  QString prompt;
  bool think = true;
  double temperature = 0;
  uint64_t seed = 0;
  int max_tokens = 256;
};

struct AttributeRequest {
  QString model;          // folder
  QStringList corpus;     // files or folders
  QString factors;        // file; where it does not exist the factors are computed first and kept there
  qint64 sample = 20000;  // documents; 0: all
  bool gradient = false;  // the plain dot product instead of EK-FAC
  bool two_stages = false;  // all documents by a low rank, then the strongest exactly
  bool all_traces = false;
  std::optional<AskedSpan> span;  // asked instead of the steps, of the trace in hand
  QString index;                  // file that answers without reading the corpus; empty: the corpus is scanned
};

class Jobs : public QObject {
  Q_OBJECT

 public:
  explicit Jobs(OpenSession* document);
  ~Jobs() override;  // cancels; the document's threads end after it

  enum class Kind { none, run, attribute, recompute, attention };
  Kind running() const { return kind_; }
  bool stopping() const { return control_ && control_->cancelled(); }
  const Progress& progress() const { return progress_; }
  double seconds() const { return kind_ == Kind::none ? 0 : clock_.elapsed() / 1000.0; }
  // For how long attributing one trace will keep this machine busy, by the last time; negative: not known.
  static double estimate(qint64 documents);

  // Where there is no session yet, or only the demo, the work goes to a copy in the user's data folder.
  void run(const RunRequest& request);
  void attribute(const AttributeRequest& request);
  void recompute();          // the activations of the trace under the cursor, from its tokens; the document shows them
  void measure_attention();  // between the steps of the trace under the cursor, from its tokens; likewise
  void cancel();
  std::shared_ptr<Shelf> shelf() const { return shelf_; }

 signals:
  void changed();  // began, ended, or is being stopped
  void progressed();

 private:
  bool begin(Kind kind, const QString& stage);
  void end();
  void report(const Progress& progress);
  std::function<void(const Progress&)> reporter();
  void failed(const QString& what, const QString& sentence);
  void say_where(bool was_demo, const QString& path);

  OpenSession* document_;
  std::shared_ptr<Shelf> shelf_;
  std::shared_ptr<Control> control_;
  Progress progress_;
  Kind kind_ = Kind::none;
  QElapsedTimer clock_;
  Ask ask_{this};
};

}  // namespace stemma
