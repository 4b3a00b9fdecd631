// The open session and the one cursor into it. Every panel observes it and none owns it.
#pragma once

#include <QObject>
#include <QString>
#include <map>
#include <memory>
#include <vector>

#include "app/ask.h"
#include "runtime/influence/questions/questions.h"
#include "runtime/session/session.h"
#include "runtime/trace/activation_summary.h"
#include "runtime/trace/attention_map.h"
#include "runtime/worker.h"

namespace stemma {

// Where the eye is; -1: nowhere. `document` is the one looked at, among those scanned.
struct Cursor {
  int trace = -1, step = -1, token = -1, layer = -1, head = -1;
  int document = -1;
  bool operator==(const Cursor&) const = default;
};

// Tokens [begin, end) of the trace that were chosen to ask about; empty: none.
struct ChosenTokens {
  int begin = 0, end = 0;
  bool empty() const { return end <= begin; }
  bool operator==(const ChosenTokens&) const = default;
};

// One sentence for the message bar; the detail is one click away.
struct Message {
  enum Kind { note, error } kind = note;
  QString text, detail;
  QString action;  // a verb for its button, or empty
  std::function<void()> act;
};

// UI thread. Owns the two working threads: every session file is read on `archive`, every model runs on `compute`.
class OpenSession : public QObject {
  Q_OBJECT

 public:
  explicit OpenSession(QObject* parent = nullptr);
  ~OpenSession() override;

  std::shared_ptr<const Session> session() const { return session_; }
  bool has_session() const { return session_ != nullptr; }
  bool is_demo() const;  // the bundled session, which is never written

  void open(const QString& path);
  void save_as(const QString& path);
  // A session that a job changed and saved; `trace_id` is shown.
  void adopt(std::shared_ptr<const Session> session, const std::string& trace_id);
  // A new, empty session that will be saved at `path`.
  void start_empty(const QString& path);

  const Cursor& cursor() const { return cursor_; }
  const Trace* trace() const;  // the one under the cursor, or the one being written
  const Step* step() const;
  const InfluenceTable* table() const;     // its documents, by the chosen method; null: not attributed
  int row() const;                         // of the step in table(), or of the tokens that it is about; -1: none
  std::optional<AskedSpan> asked() const;  // the tokens that table() is about; nothing where its rows are steps
  const std::vector<double>& magnitudes() const { return magnitudes_; }  // of table()'s rows, nats
  std::vector<const InfluenceTable*> tables() const;                     // all of the trace
  const std::string& method() const { return method_; }
  // What a running job has found so far for a trace, shown beside the session's tables until the job ends (null).
  void show_so_far(std::shared_ptr<const InfluenceTable> table);
  bool is_so_far() const { return table() && table_ == so_far_.get(); }
  // The document under the cursor by its id, whose place another table may not share; empty where it is the strongest,
  // which is followed instead.
  std::string held_document() const;
  void look_at(const std::string& document);  // where the table shows it
  QString model_folder() const;  // of the model that wrote the trace; empty: not known
  void set_method(const std::string& method);

  void set_trace(int trace);
  void set_step(int step);
  void set_token(int token);  // and the step it lies in
  void set_layer_and_token(int layer, int token);
  void set_document(int document);
  void move_step(int by);
  void move_token(int by);

  const ChosenTokens& chosen() const { return chosen_; }
  // Clipped to what can be asked about: not the first token, before which nothing stands.
  void choose(ChosenTokens tokens);
  void extend(int token);  // from where choosing began, or from the token under the cursor, to this one

  // The trace being written, shown in place of the session's until it ends (null).
  void show_live(std::shared_ptr<const Trace> trace);
  bool is_live() const { return live_ != nullptr; }
  // While a job writes the session's files, reading waits for it.
  void set_writing(bool writing) { writing_ = writing; }

  // Reads the activations of the trace under the cursor; activations_changed() follows.
  void read_activations(ActivationQuantity quantity);
  std::shared_ptr<const ActivationMap> activations() const { return activations_; }
  // Whether they were recorded or recomputed, and how well the recording checks; `detail`: the same at length. Empty
  // where there are none.
  QString activations_source(QString* detail = nullptr) const;
  // Nothing was recorded, nor computed yet, and the model is known.
  bool can_recompute() const;
  void show_recomputed(const std::string& trace_id, std::vector<ActivationMap> maps);  // one of each quantity
  const QString& activations_message() const { return activations_message_; }

  // Reads attention between the steps of the trace under the cursor, of the cursor's layer and head (no layer: the
  // last; no head: the mean of all); attention_changed() follows.
  void read_attention();
  std::shared_ptr<const AttentionMap> attention() const { return attention_; }
  const QString& attention_message() const { return attention_message_; }
  QString attention_source() const;    // kept in the session or recomputed; empty where there is none
  bool can_measure_attention() const;  // the trace has none, and the model is known
  void show_measured(const std::string& trace_id, std::shared_ptr<const StepAttention> attention);
  void set_layer(int layer);
  void set_head(int head);  // -1: the mean of all

  Worker& compute() { return compute_; }
  Worker& archive() { return archive_; }
  void say(const Message& message) { emit said(message); }

 signals:
  void session_changed();
  void trace_changed();  // another trace, or more of the one being written
  void table_changed();
  void cursor_changed(const stemma::Cursor& now, const stemma::Cursor& before);
  void chosen_changed();
  void activations_changed();
  void attention_changed();
  void opening(const QString& path);
  void said(const stemma::Message& message);
  void save_as_wanted();

 private:
  void move_to(Cursor cursor);
  void refresh_table();
  int first_document(int row) const;
  const InfluenceTable* so_far_here() const;
  int step_of_token(int token) const;

  std::shared_ptr<const Session> session_;
  std::shared_ptr<const Trace> live_;
  std::shared_ptr<const ActivationMap> activations_;
  QString activations_message_;
  std::map<std::string, std::vector<std::shared_ptr<const ActivationMap>>> recomputed_;  // by trace id
  std::shared_ptr<const AttentionMap> attention_;
  QString attention_message_;
  std::map<std::string, std::shared_ptr<const StepAttention>> measured_;  // by trace id
  Cursor cursor_, before_live_;
  ChosenTokens chosen_;
  int anchor_ = -1;  // where choosing began
  std::string method_;
  const InfluenceTable* table_ = nullptr;
  std::shared_ptr<const InfluenceTable> so_far_;
  std::string method_before_;  // it
  std::vector<double> magnitudes_;
  bool writing_ = false;
  Ask open_{this}, save_{this}, read_{this}, read_attention_{this};
  Worker archive_, compute_;
};

}  // namespace stemma
