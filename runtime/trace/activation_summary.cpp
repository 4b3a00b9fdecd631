#include "runtime/trace/activation_summary.h"

#include <cmath>

#include "runtime/error.h"
#include "runtime/model/utf8.h"

namespace stemma {
namespace {

float norm(const float* x, int64_t width) {
  double sum = 0;
  for (int64_t c = 0; c < width; ++c) sum += static_cast<double>(x[c]) * x[c];
  return static_cast<float>(std::sqrt(sum));
}

float distance(const float* x, const float* y, int64_t width) {
  double sum = 0;
  for (int64_t c = 0; c < width; ++c) sum += (static_cast<double>(x[c]) - y[c]) * (static_cast<double>(x[c]) - y[c]);
  return static_cast<float>(std::sqrt(sum));
}

float cosine(const float* x, const float* y, int64_t width) {
  double dot = 0, xx = 0, yy = 0;
  for (int64_t c = 0; c < width; ++c) {
    dot += static_cast<double>(x[c]) * y[c];
    xx += static_cast<double>(x[c]) * x[c];
    yy += static_cast<double>(y[c]) * y[c];
  }
  return xx > 0 && yy > 0 ? static_cast<float>(dot / std::sqrt(xx * yy)) : no_value;
}

}  // namespace

const char* name_of(ActivationQuantity quantity) {
  switch (quantity) {
    case ActivationQuantity::norm:
      return "norm";
    case ActivationQuantity::change:
      return "change";
    case ActivationQuantity::cosine:
      return "cosine";
  }
  return "norm";
}

ActivationQuantity activation_quantity(const std::string& name) {
  for (auto quantity : {ActivationQuantity::norm, ActivationQuantity::change, ActivationQuantity::cosine}) {
    if (name == name_of(quantity)) return quantity;
  }
  throw Error(ErrorCode::usage, "'" + name + "' is no quantity of activations; choose norm, change or cosine");
}

ActivationMapBuilder::ActivationMapBuilder(const Trace& trace, std::vector<std::string> layer_names,
                                           ActivationQuantity quantity, const std::string& origin)
    : quantity_(quantity) {
  map_.trace_id = trace.id;
  map_.name = name_of(quantity);
  map_.layers = static_cast<int32_t>(layer_names.size());
  map_.tokens = trace.size();
  map_.title = trace.title;
  switch (quantity) {
    case ActivationQuantity::norm:
      map_.quantity = "Norm of the residual stream";
      break;
    case ActivationQuantity::change:
      map_.quantity = "Change of the residual stream from the layer before";
      break;
    case ActivationQuantity::cosine:
      map_.quantity = "Cosine with the last layer's residual stream";
      map_.diverging = true;
      break;
  }
  map_.values.assign(static_cast<size_t>(map_.layers) * map_.tokens, no_value);
  map_.layer_names = std::move(layer_names);
  for (int32_t t = 0; t < map_.tokens; ++t) map_.token_texts.push_back(printable(trace.token_text(t)));
  for (const Step& step : trace.steps) map_.step_begins.push_back(step.begin);
  map_.provenance = {{"trace", trace.id},
                     {"model hash", trace.model_hash},
                     {"seed", std::to_string(trace.sampler.seed)},
                     {"device", trace.device},
                     {"activations", origin}};
}

void ActivationMapBuilder::add(const ResidualBlock& block) {
  for (size_t layer = 0; layer < block.layers.size(); ++layer)
    for (int64_t t = 0; t < block.count; ++t) {
      const auto row = [&](size_t of) { return block.layers[of] + t * block.width; };
      float& value = map_.values[layer * static_cast<size_t>(map_.tokens) + static_cast<size_t>(block.begin + t)];
      switch (quantity_) {
        case ActivationQuantity::norm:
          value = norm(row(layer), block.width);
          break;
        case ActivationQuantity::change:
          if (layer > 0) value = distance(row(layer), row(layer - 1), block.width);
          break;
        case ActivationQuantity::cosine:
          value = cosine(row(layer), row(block.layers.size() - 1), block.width);
          break;
      }
    }
}

}  // namespace stemma
