#include "runtime/session/running_line.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "runtime/session/trace_head.h"

namespace stemma {

namespace {

using nlohmann::json;

json number(float value) { return std::isfinite(value) ? json(value) : json(nullptr); }

// What is not finite is not measured.
bool read_number(const json& value, float& number) {
  if (!value.is_number() && !value.is_null()) return false;
  number = value.is_null() ? std::numeric_limits<float>::quiet_NaN() : value.get<float>();
  return true;
}

std::string line_of(const json& object) { return object.dump(-1, ' ', false, json::error_handler_t::replace) + '\n'; }

struct TokenLine {
  std::string trace;
  int32_t id = 0;
  std::string text;
  float logprob = 0, entropy = 0;
  std::vector<int32_t> top_ids;
  std::vector<float> top_logprobs;
  std::vector<std::string> top_texts;
};

bool parse(const json& object, TokenLine& token) {
  try {
    token.trace = object.value("trace", "");
    object.at("token").get_to(token.id);
    for (const json& alternative : object.at("top")) {
      float logprob = 0;
      if (!read_number(alternative.at(1), logprob)) return false;
      token.top_ids.push_back(alternative.at(0).get<int32_t>());
      token.top_logprobs.push_back(logprob);
      token.top_texts.push_back(alternative.at(2).get<std::string>());
    }
    return read_number(object.at("logprob"), token.logprob) && read_number(object.at("entropy"), token.entropy) &&
           bytes_of_characters(object.at("text").get<std::string>(), token.text);
  } catch (const json::exception&) {
    return false;
  }
}

}  // namespace

std::string head_line(const Trace& trace) { return line_of({{"head", head_json(trace)}}); }

std::string token_line(const Trace& trace, int32_t token) {
  json top = json::array();
  for (int32_t k = 0; k < trace.alternatives; ++k) {
    const size_t i = static_cast<size_t>(token) * trace.alternatives + k;
    top.push_back({trace.top_ids[i], number(trace.top_logprobs[i]), trace.top_texts[i]});
  }
  return line_of({{"trace", trace.id},
                  {"token", trace.tokens[token]},
                  {"text", characters_of_bytes(trace.token_text(token))},
                  {"logprob", number(trace.logprob[token])},
                  {"entropy", number(trace.entropy[token])},
                  {"top", std::move(top)}});
}

std::string end_line(const Trace& trace) {
  return line_of({{"trace", trace.id}, {"stop_reason", trace.stop_reason}, {"completed", trace.completed}});
}

bool read_head_line(std::string_view line, Trace& trace) {
  const json object = json::parse(line, nullptr, false);
  return object.is_object() && object.contains("head") && read_head(object["head"], trace);
}

bool read_token_line(std::string_view line, const std::function<Trace*(const std::string& id)>& of) {
  const json object = json::parse(line, nullptr, false);
  TokenLine token;
  if (!object.is_object() || !parse(object, token)) return false;
  Trace* const found = of(token.trace);
  if (!found) return false;
  Trace& trace = *found;
  if (token.top_ids.size() != static_cast<size_t>(trace.alternatives)) return false;
  if (trace.text.size() + token.text.size() > UINT32_MAX) return false;
  trace.tokens.push_back(token.id);
  trace.text += token.text;
  trace.token_offsets.push_back(static_cast<uint32_t>(trace.text.size()));
  trace.logprob.push_back(token.logprob);
  trace.entropy.push_back(token.entropy);
  trace.top_ids.insert(trace.top_ids.end(), token.top_ids.begin(), token.top_ids.end());
  trace.top_logprobs.insert(trace.top_logprobs.end(), token.top_logprobs.begin(), token.top_logprobs.end());
  trace.top_texts.insert(trace.top_texts.end(), token.top_texts.begin(), token.top_texts.end());
  return true;
}

bool read_end_line(std::string_view line, const std::function<Trace*(const std::string& id)>& of) {
  const json object = json::parse(line, nullptr, false);
  if (!object.is_object() || !object.contains("stop_reason")) return false;
  try {
    Trace* const trace = of(object.at("trace").get<std::string>());
    if (!trace) return false;
    object.at("stop_reason").get_to(trace->stop_reason);
    object.at("completed").get_to(trace->completed);
    return true;
  } catch (const json::exception&) {
    return false;
  }
}

}  // namespace stemma
