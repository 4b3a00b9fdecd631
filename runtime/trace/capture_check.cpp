#include "runtime/trace/capture_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/elementwise/softmax_row.h"
#include "runtime/model/forward.h"
#include "runtime/model/norms.h"
#include "runtime/session/activation_reader.h"

namespace stemma {
namespace {

constexpr int64_t rows_at_once = 64;  // of logits, held at once

}  // namespace

CaptureCheck check_capture(const Model& model, const Trace& trace, const std::filesystem::path& session,
                           const std::vector<std::string>& sites, const Control& control) {
  CaptureCheck check;
  const ModelConfig& config = model.config;
  const std::string last = name_of({Hook::resid_post, config.layers - 1});
  if (std::find(sites.begin(), sites.end(), last) == sites.end()) return check;
  const ActivationReader reader(session, trace.id, last);
  // The last token's successor was never written.
  const int64_t tokens = std::min<int64_t>(reader.tokens(), trace.size() - 1), most = std::min(rows_at_once, tokens);
  if (tokens <= 0 || trace.alternatives == 0) return check;

  Ops& ops = *model.ops;
  const int64_t statistics = config.block.norm == NormKind::layer ? 2 : 1, width = config.vocabulary;
  Buffer residual(model.ops, most, config.width), hidden(model.ops, most, config.width),
      scale(model.ops, most, statistics), scores(model.ops, most, width), losses(model.ops, most, 1);
  IdBuffer targets(model.ops, most, 1);
  std::vector<float> host(static_cast<size_t>(most * std::max<int64_t>(width, config.width))),
      nats(static_cast<size_t>(most));
  int64_t same = 0;
  for (int64_t begin = 0; begin < tokens && !control.cancelled(); begin += most) {
    const int64_t rows = std::min(most, tokens - begin);
    const auto some = [rows](const Buffer& buffer) { return buffer.view().slice(0, rows); };
    reader.read(begin, begin + rows, host.data());
    ops.upload(residual.view().data, host.data(), sizeof(float) * static_cast<size_t>(rows * config.width));
    normalise(model, some(residual), model.weights.final_norm, model.weights.final_norm_bias, some(hidden),
              some(scale));
    logits(model, some(hidden), some(scores));
    ops.download(host.data(), scores.view().data, sizeof(float) * static_cast<size_t>(rows * width));
    ops.upload(targets.view().data, trace.tokens.data() + begin + 1, sizeof(int32_t) * static_cast<size_t>(rows));
    ops.cross_entropy(some(scores), targets.view().slice(0, rows), 1, some(losses));
    ops.download(nats.data(), losses.view().data, sizeof(float) * static_cast<size_t>(rows));
    for (int64_t n = 0; n < rows; ++n) {
      const auto next = static_cast<size_t>(begin + n + 1);
      const float* row = host.data() + n * width;
      const double gap = std::abs(static_cast<double>(nats[static_cast<size_t>(n)]) + trace.logprob[next]);
      check.nats = std::max(check.nats, std::isfinite(gap) ? gap : std::numeric_limits<double>::infinity());
      const int32_t top = trace.top_ids[next * static_cast<size_t>(trace.alternatives)];
      same += top >= 0 && row[top] == largest(row, width);
    }
    check.tokens += rows;
  }
  if (check.tokens) check.top1 = static_cast<double>(same) / static_cast<double>(check.tokens);
  return check;
}

std::string words_of(const CaptureCheck& check) {
  if (!std::isfinite(check.nats))
    return "the recorded last residual does not give back the log-probabilities: it has values beyond 16-bit floats";
  return fmt::format(
      "the recorded last residual gives back the log-probabilities of {} tokens within {:.2g} nats, and the "
      "most likely token of {:.4g} %",
      check.tokens, check.nats, 100 * check.top1);
}

}  // namespace stemma
