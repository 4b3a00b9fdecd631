// The open session's attention between steps: kept in its file, or measured again from the tokens.
#include "app/document.h"

namespace stemma {

QString OpenSession::attention_source() const {
  if (!attention_) return {};
  return attention_->recomputed ? tr("Recomputed from the tokens") : tr("Kept in the session");
}

bool OpenSession::can_measure_attention() const {
  const Trace* shown = trace();
  return shown && !live_ && !shown->steps.empty() && !session_->attention.contains(shown->id) &&
         !measured_.contains(shown->id) && !model_folder().isEmpty();
}

void OpenSession::show_measured(const std::string& trace_id, std::shared_ptr<const StepAttention> attention) {
  measured_[trace_id] = std::move(attention);
  read_attention();
}

void OpenSession::read_attention() {
  const Trace* shown = trace();
  const auto nothing = [this](const QString& why) {
    read_attention_.forget();
    attention_ = nullptr;
    attention_message_ = why;
    emit attention_changed();
  };
  if (live_) return nothing(tr("Attention can be measured when the run is done."));
  if (!shown) return nothing(tr("No trace is open."));
  const auto measured = measured_.find(shown->id);
  const bool kept = session_->attention.contains(shown->id);
  if (!kept && measured == measured_.end())
    return nothing(
        can_measure_attention()
            ? tr("Attention between the steps of this trace was not recorded. It can be measured from its tokens.")
            : tr("Attention between the steps of this trace was not recorded; stemma generate --capture attention "
                 "records it."));
  const auto facts = session_->models.find(shown->model_hash);
  const int layers = facts != session_->models.end() ? facts->second.layers
                     : measured != measured_.end()   ? static_cast<int>(measured->second->layers)
                                                     : 1;
  const int layer = cursor_.layer >= 0 && cursor_.layer < layers ? cursor_.layer : layers - 1, head = cursor_.head;
  // The trace lives as long as its session, which the work holds.
  read_attention_(
      writing_ ? compute_ : archive_,
      [session = session_, shown, attention = kept ? nullptr : measured->second, layer, head] {
        AttentionMap map = attention ? attention_map(*shown, *attention, layer, head, "recomputed from the tokens")
                                     : kept_attention(*session, *shown, layer, head);
        map.recomputed = attention != nullptr;
        return std::make_shared<const AttentionMap>(std::move(map));
      },
      [this](std::shared_ptr<const AttentionMap> map) {
        attention_ = std::move(map);
        emit attention_changed();
      },
      [nothing](const QString& sentence) { nothing(sentence); });
}

}  // namespace stemma
