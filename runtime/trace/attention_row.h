// What one token looks at: a layer's attention weights on every token before it, recomputed when asked for; never T x
// T.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/model/queries_keys.h"
#include "runtime/progress.h"
#include "runtime/session/session.h"

namespace stemma {

struct AttentionRow {
  std::string trace_id;
  int32_t token = -1, layers = 0, heads = 0;
  int32_t layer = 0, head = -1;  // of these; head -1: the mean of all
  bool from_recording = false;   // of the residual stream, as 16-bit floats; else from the tokens alone
  std::vector<float> weights;    // (token + 1) 0..1, of which the sum is 1

  // The tokens looked at most, the strongest first.
  std::vector<int32_t> strongest(size_t most) const;
  std::string source() const;  // "recomputed from the recorded residual stream"
};

// The residual stream before a block, as it was recorded.
struct RecordedResidual {
  int64_t tokens = 0;         // the last token of a trace was never read by its model
  std::vector<float> values;  // (tokens, C)
};
// Nothing where it was not recorded; the first block's is not asked for, it comes from the tokens. Archive thread.
std::optional<RecordedResidual> recorded_residual(const Session& session, const Trace& trace, int layer);

// The queries and keys of one trace's layers, kept while they fit into a GiB, so that a row is one query times the
// keys. Compute thread.
class AttentionRows {
 public:
  AttentionRows(std::shared_ptr<const Model> model, std::shared_ptr<const Trace> trace);

  const Trace& trace() const { return *trace_; }
  int layers() const { return model_->config.layers; }
  bool has(int layer) const { return kept_.contains(layer); }
  // Makes the layer's: from the recording where there is one, or else from the tokens, through the whole model once
  // (and then of as many layers as fit). Throws Error as replay does.
  void prepare(int layer, const RecordedResidual* recorded, const Control& control);
  // Of a layer that it has. `head` -1: the mean of all. Throws Error where there is no such token, layer or head.
  AttentionRow row(int token, int layer, int head) const;

 private:
  struct Kept {
    QueriesKeys of;
    bool from_recording = false;
  };
  int64_t layer_bytes() const;
  void replay_around(int layer, const Control& control);
  void make_room(int layer);

  std::shared_ptr<const Model> model_;
  std::shared_ptr<const Trace> trace_;
  std::map<int, Kept> kept_;
};

}  // namespace stemma
