#include "runtime/trace/activation_summary.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/error.h"
#include "runtime/model/tokenizer.h"
#include "runtime/model/utf8.h"

namespace stemma {
namespace {

constexpr float not_measured = std::numeric_limits<float>::quiet_NaN();

std::string layer_of(const std::string& site) {  // "blocks.3.hook_resid_post" -> "3"
  constexpr std::string_view head = "blocks.";
  if (!site.starts_with(head)) return site;
  return site.substr(head.size(), site.find('.', head.size()) - head.size());
}

// Names sort "blocks.10" before "blocks.2"; layers do not.
std::vector<const Recorded*> by_layer(const std::vector<Recorded>& recorded) {
  std::vector<const Recorded*> layers;
  for (const Recorded& r : recorded) layers.push_back(&r);
  auto key = [](const Recorded* r) { return std::make_pair(layer_of(r->site).size(), layer_of(r->site)); };
  std::stable_sort(layers.begin(), layers.end(), [&](const Recorded* a, const Recorded* b) { return key(a) < key(b); });
  return layers;
}

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
  return xx > 0 && yy > 0 ? static_cast<float>(dot / std::sqrt(xx * yy)) : not_measured;
}

void check(const Trace& trace, const std::vector<Recorded>& recorded) {
  if (recorded.empty()) {
    throw Error(ErrorCode::not_found, "trace " + trace.id + ": no recorded residual streams; generate it again with --capture residual");
  }
  const Recorded& first = recorded.front();
  for (const Recorded& r : recorded) {
    const bool whole = r.tokens >= 0 && r.width > 0 && r.values.size() == static_cast<size_t>(r.tokens) * static_cast<size_t>(r.width);
    if (whole && r.tokens == first.tokens && r.width == first.width && r.tokens <= trace.size()) continue;
    throw Error(ErrorCode::bad_file, "trace " + trace.id + ": the recording " + r.site + " does not fit the trace or the other layers; " +
                                         "the activations file is damaged, generate the trace again");
  }
}

}  // namespace

const char* name_of(ActivationQuantity quantity) {
  switch (quantity) {
    case ActivationQuantity::norm: return "norm";
    case ActivationQuantity::change: return "change";
    case ActivationQuantity::cosine: return "cosine";
  }
  return "norm";
}

ActivationQuantity activation_quantity(const std::string& name) {
  for (auto quantity : {ActivationQuantity::norm, ActivationQuantity::change, ActivationQuantity::cosine}) {
    if (name == name_of(quantity)) return quantity;
  }
  throw Error(ErrorCode::usage, "'" + name + "' is no quantity of activations; choose norm, change or cosine");
}

ActivationMap summarise_activations(const Trace& trace, const std::vector<Recorded>& recorded, ActivationQuantity quantity) {
  check(trace, recorded);
  const std::vector<const Recorded*> layers = by_layer(recorded);
  ActivationMap map;
  map.trace_id = trace.id;
  map.name = name_of(quantity);
  map.layers = static_cast<int32_t>(recorded.size());
  map.tokens = trace.size();
  map.title = trace.title;
  switch (quantity) {
    case ActivationQuantity::norm: map.quantity = "Norm of the residual stream"; break;
    case ActivationQuantity::change: map.quantity = "Change of the residual stream from the layer before"; break;
    case ActivationQuantity::cosine:
      map.quantity = "Cosine with the last layer's residual stream";
      map.diverging = true;
      break;
  }
  map.values.assign(static_cast<size_t>(map.layers) * map.tokens, not_measured);
  for (int32_t layer = 0; layer < map.layers; ++layer) {
    const Recorded& here = *layers[layer];
    map.layer_names.push_back(layer_of(here.site));
    for (int64_t t = 0; t < here.tokens; ++t) {
      const float* x = here.values.data() + t * here.width;
      float& value = map.values[static_cast<size_t>(layer) * map.tokens + t];
      switch (quantity) {
        case ActivationQuantity::norm: value = norm(x, here.width); break;
        case ActivationQuantity::change:
          if (layer > 0) value = distance(x, layers[layer - 1]->values.data() + t * here.width, here.width);
          break;
        case ActivationQuantity::cosine: value = cosine(x, layers.back()->values.data() + t * here.width, here.width); break;
      }
    }
  }
  for (int32_t t = 0; t < map.tokens; ++t) map.token_texts.push_back(printable(trace.token_text(t)));
  for (const Step& step : trace.steps) map.step_begins.push_back(step.begin);
  map.provenance = {{"trace", trace.id},
                    {"model hash", trace.model_hash},
                    {"seed", std::to_string(trace.sampler.seed)},
                    {"device", trace.device},
                    {"activations", "recorded during generation, 16-bit floats, " + layers.front()->site + " to " + layers.back()->site}};
  return map;
}

}  // namespace stemma
