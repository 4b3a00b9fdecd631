// The open session's activations: recorded in its file, or recomputed from the tokens.
#include <cmath>

#include "app/document.h"
#include "runtime/trace/capture_check.h"

namespace stemma {

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
  read_.forget();  // the map of another trace may still be under way
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
      activations_message_ =
          can_recompute()
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
