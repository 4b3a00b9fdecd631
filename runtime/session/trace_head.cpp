#include "runtime/session/trace_head.h"

#include <nlohmann/json.hpp>

namespace stemma {

namespace {

// JSON throws where a value has another type; a head from a stranger's file is then simply none.
template <class Read>
bool understood(Read read) {
  try {
    read();
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

}  // namespace

nlohmann::json sampler_json(const Sampler& sampler) {
  return {
      {"temperature", sampler.temperature}, {"top_p", sampler.top_p}, {"top_k", sampler.top_k}, {"seed", sampler.seed},
      {"max_tokens", sampler.max_tokens},   {"stop", sampler.stop}};
}

bool read_sampler(const std::string& text, Sampler& sampler) {
  return understood([&] {
    const nlohmann::json json = nlohmann::json::parse(text);
    json.at("temperature").get_to(sampler.temperature);
    json.at("top_p").get_to(sampler.top_p);
    json.at("top_k").get_to(sampler.top_k);
    json.at("seed").get_to(sampler.seed);
    json.at("max_tokens").get_to(sampler.max_tokens);
    json.at("stop").get_to(sampler.stop);
  });
}

std::string characters_of_bytes(const std::string& bytes) {
  std::string characters;
  for (const unsigned char byte : bytes) {
    if (byte < 0x80) {
      characters += static_cast<char>(byte);
    } else {
      characters += static_cast<char>(0xC0 | byte >> 6);
      characters += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return characters;
}

bool bytes_of_characters(const std::string& characters, std::string& bytes) {
  bytes.clear();
  for (size_t i = 0; i < characters.size(); ++i) {
    const unsigned char first = characters[i];
    if (first < 0x80) {
      bytes += static_cast<char>(first);
    } else if ((first == 0xC2 || first == 0xC3) && i + 1 < characters.size()) {
      bytes += static_cast<char>((first & 0x03) << 6 | (characters[++i] & 0x3F));
    } else {
      return false;
    }
  }
  return true;
}

nlohmann::json head_json(const Trace& trace) {
  return {{"id", trace.id},
          {"title", characters_of_bytes(trace.title)},
          {"model", trace.model_hash},
          {"system", characters_of_bytes(trace.system)},
          {"prompt", characters_of_bytes(trace.prompt)},
          {"expected", characters_of_bytes(trace.expected)},
          {"thought_start", characters_of_bytes(trace.thought_start)},
          {"sampler", sampler_json(trace.sampler).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)},
          {"created", trace.created},
          {"device", trace.device},
          {"prompt_tokens", trace.prompt_tokens},
          {"alternatives", trace.alternatives}};
}

bool read_head(const nlohmann::json& head, Trace& trace) {
  bool good = false;
  const bool known = understood([&] {
    head.at("id").get_to(trace.id);
    head.at("model").get_to(trace.model_hash);
    head.at("created").get_to(trace.created);
    head.at("device").get_to(trace.device);
    head.at("prompt_tokens").get_to(trace.prompt_tokens);
    head.at("alternatives").get_to(trace.alternatives);
    good = bytes_of_characters(head.at("title").get<std::string>(), trace.title) &&
           bytes_of_characters(head.at("system").get<std::string>(), trace.system) &&
           bytes_of_characters(head.at("prompt").get<std::string>(), trace.prompt) &&
           bytes_of_characters(head.value("expected", ""), trace.expected) &&
           bytes_of_characters(head.value("thought_start", ""), trace.thought_start) &&
           read_sampler(head.at("sampler").get<std::string>(), trace.sampler) && !trace.id.empty() &&
           trace.prompt_tokens >= 0 && trace.alternatives >= 0 && trace.alternatives <= 1 << 16;
  });
  return known && good;
}

}  // namespace stemma
