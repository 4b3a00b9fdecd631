// What the token under the cursor looks at, recomputed beside the window while the cursor moves: the latest request
// wins. UI thread.
#pragma once

#include <QObject>
#include <memory>
#include <set>

#include "app/jobs.h"
#include "runtime/trace/attention_row.h"

namespace stemma {

class TokenAttention : public QObject {
  Q_OBJECT

 public:
  TokenAttention(OpenSession* document, Jobs* jobs);
  ~TokenAttention() override;  // cancels

  void follow(bool wanted);  // whether anything shows it; nothing is computed otherwise
  bool following() const { return following_; }
  // Of the cursor's token, layer (none: the last) and head (none: the mean of all); null until it is there.
  std::shared_ptr<const AttentionRow> row() const { return row_; }
  // Which it is and where it comes from, or why there is none yet.
  QString words() const;
  // The layer and head that are looked at: of a token where that is followed, else of the map between steps; nothing:
  // neither is shown.
  struct Place {
    int layer = 0, layers = 0, head = -1, heads = 0;
  };
  std::optional<Place> shown() const;
  bool working() const { return preparing_ != nullptr; }  // something that stop() ends
  void stop();

 signals:
  void changed();

 private:
  struct Asked {
    int token = -1, layer = 0, head = -1;
    bool operator==(const Asked&) const = default;
  };
  std::optional<Asked> wanted(const Trace& trace) const;
  void forget();  // another trace: what was made of the last one is of no use
  void ask();
  void prepare(const Asked& asked);
  void compute(const Asked& asked, std::shared_ptr<const RecordedResidual> recorded, std::shared_ptr<Control> control);
  void say(const QString& message);
  void failed(const std::shared_ptr<Control>& control, const QString& sentence);

  OpenSession* document_;
  Jobs* jobs_;
  bool following_ = false;
  QString message_;
  std::shared_ptr<const AttentionRow> row_;
  std::shared_ptr<std::unique_ptr<AttentionRows>> rows_;  // of the trace; what it points to is the compute thread's
  std::string trace_;
  std::set<int> ready_;                 // layers that rows_ has
  std::shared_ptr<Control> preparing_;  // a layer is being made: it serves every token, so moving does not end it
  std::shared_ptr<Control> asking_;     // a row
  Ask read_{this}, compute_{this};
};

}  // namespace stemma
