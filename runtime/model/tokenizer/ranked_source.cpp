#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <numeric>

#include "runtime/error.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/tokenizer/base64.h"
#include "runtime/model/tokenizer/byte_alphabet.h"
#include "runtime/model/tokenizer/byte_pair_model.h"
#include "runtime/model/tokenizer/families.h"
#include "runtime/model/tokenizer/json_stages.h"
#include "runtime/model/tokenizer/sources.h"

namespace stemma {

namespace {

// What a file of ranks does not say: how its text is cut, and the special tokens after its last rank.
struct Known {
  int32_t ranks;
  const char* pre;
  std::vector<std::pair<int32_t, std::string>> special;
  int32_t bos = -1, eos = -1;
};

std::vector<std::pair<int32_t, std::string>> numbered(std::vector<std::pair<int32_t, std::string>> special, int32_t id,
                                                      const char* name, int first, int last, const char* end) {
  for (int i = first; i <= last; ++i) special.emplace_back(id + i - first, fmt::format("<|{}{}{}", name, i, end));
  return special;
}

// Llama 4's, from 200000 on.
std::vector<std::pair<int32_t, std::string>> special_of_llama4() {
  std::vector<std::pair<int32_t, std::string>> special;
  auto add = [&](std::string name) {
    special.emplace_back(200000 + static_cast<int32_t>(special.size()), "<|" + name + "|>");
  };
  auto reserve = [&](const char* kind, int from, int to) {
    for (int i = from; i < to; ++i) add(fmt::format("{}reserved_special_token_{}", kind, i));
  };
  for (const char* name : {"begin_of_text", "end_of_text", "fim_prefix", "fim_middle", "fim_suffix", "header_start",
                           "header_end", "eom", "eot", "step"})
    add(name);
  reserve("text_post_train_", 0, 6);
  for (const char* name : {"python_start", "python_end", "finetune_right_pad"}) add(name);
  reserve("text_post_train_", 8, 69);
  for (const char* name : {"image_start", "image_end"}) add(name);
  reserve("vision_", 0, 2);
  for (const char* name : {"tile_x_separator", "tile_y_separator"}) add(name);
  reserve("vision_", 2, 6);
  add("image");
  reserve("vision_", 6, 7);
  add("patch");
  reserve("vision_", 7, 1048);
  reserve("reasoning_", 0, 8);
  for (const char* name : {"reasoning_thinking_start", "reasoning_thinking_end"}) add(name);
  reserve("", 0, 2048 - static_cast<int>(special.size()));
  return special;
}

const Known* known(int32_t ranks) {
  static const std::array<Known, 9> table = [] {
    auto llama = numbered({{128000, "<|begin_of_text|>"},
                           {128001, "<|end_of_text|>"},
                           {128006, "<|start_header_id|>"},
                           {128007, "<|end_header_id|>"},
                           {128009, "<|eot_id|>"}},
                          128002, "reserved_special_token_", 0, 3, "|>");
    llama.emplace_back(128008, "<|reserved_special_token_4|>");
    llama = numbered(std::move(llama), 128010, "reserved_special_token_", 5, 250, "|>");
    auto qwen = numbered({{151643, "<|endoftext|>"}, {151644, "<|im_start|>"}, {151645, "<|im_end|>"}}, 151646,
                         "extra_", 0, 204, "|>");
    std::vector<std::pair<int32_t, std::string>> qwen35;
    for (const char* name : {"<|endoftext|>",
                             "<|im_start|>",
                             "<|im_end|>",
                             "<|object_ref_start|>",
                             "<|object_ref_end|>",
                             "<|box_start|>",
                             "<|box_end|>",
                             "<|quad_start|>",
                             "<|quad_end|>",
                             "<|vision_start|>",
                             "<|vision_end|>",
                             "<|vision_pad|>",
                             "<|image_pad|>",
                             "<|video_pad|>",
                             "<tool_call>",
                             "</tool_call>",
                             "<|fim_prefix|>",
                             "<|fim_middle|>",
                             "<|fim_suffix|>",
                             "<|fim_pad|>",
                             "<|repo_name|>",
                             "<|file_sep|>",
                             "<tool_response>",
                             "</tool_response>",
                             "<think>",
                             "</think>",
                             "<|audio_start|>",
                             "<|audio_end|>",
                             "<tts_pad>",
                             "<tts_text_bos>",
                             "<tts_text_eod>",
                             "<tts_text_bos_single>",
                             "<|audio_pad|>"})
      qwen35.emplace_back(248044 + static_cast<int32_t>(qwen35.size()), name);
    return std::array<Known, 9>{
        Known{50256, "gpt-2", {{50256, "<|endoftext|>"}}, 50256, 50256},
        Known{50280, "gpt-2", {{50256, "<|endoftext|>"}}, 50256, 50256},
        Known{100256,
              "cl100k",
              {{100257, "<|endoftext|>"},
               {100258, "<|fim_prefix|>"},
               {100259, "<|fim_middle|>"},
               {100260, "<|fim_suffix|>"},
               {100276, "<|endofprompt|>"}},
              -1,
              100257},
        Known{128000, "llama-bpe", std::move(llama), 128000, 128001},
        Known{151643, "qwen2", std::move(qwen), -1, 151643},
        Known{163584, "kimi-k2", {{163584, "[BOS]"}, {163585, "[EOS]"}}, 163584, 163585},
        Known{200000, "llama4", special_of_llama4(), 200000, 200001},
        Known{248044, "qwen35", std::move(qwen35), -1, 248044},
        Known{199998, "o200k", {{199999, "<|endoftext|>"}, {200018, "<|endofprompt|>"}}, -1, 199999}};
  }();
  for (const Known& entry : table)
    if (entry.ranks == ranks) return &entry;
  return nullptr;
}

}  // namespace

std::vector<Merge> merges_of_ranks(const Vocabulary& vocabulary, const std::vector<uint32_t>& ranks) {
  std::vector<Merge> merges;
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    if (!vocabulary.has(id) || ranks[static_cast<size_t>(id)] == ~0u) continue;
    const std::string_view token = vocabulary.spelling(id);
    for (size_t at = 1; at < token.size() && token.size() <= 1024; ++at) {
      if ((static_cast<uint8_t>(token[at]) & 0xC0) == 0x80) continue;
      const int32_t left = vocabulary.find(token.substr(0, at));
      const int32_t right = left < 0 ? -1 : vocabulary.find(token.substr(at));
      if (right >= 0) merges.push_back({left, right, id, ranks[static_cast<size_t>(id)]});
    }
  }
  return merges;
}

void merge_by_id(const nlohmann::json& stages, const std::string& file, TokenizerPlan& to) {
  read_normalizers(stages, file, to);
  read_pre_tokenizers(stages, file, true, to);
  read_decoder(stages, file, to);
  std::vector<uint32_t> ranks(static_cast<size_t>(to.vocabulary->size()));
  std::iota(ranks.begin(), ranks.end(), 0u);
  BytePairPlan pairs;
  pairs.merges = merges_of_ranks(*to.vocabulary, ranks);
  pairs.ignores_merges = true;
  to.model = byte_pair_model(*to.vocabulary, pairs, true);
}

TokenizerPlan plan_of_tiktoken(std::string_view text, const std::string& file) {
  TokenizerPlan plan;
  int32_t count = 0;
  for (size_t line = 1, at = 0; at < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view entry = text.substr(at, end - at);
    at = end + 1;
    if (entry.ends_with('\r')) entry.remove_suffix(1);
    if (entry.empty()) continue;
    const size_t space = entry.find(' ');
    if (space == std::string_view::npos)
      refuse_tokenizer(file, fmt::format("line {} is not a token and its rank", line));
    const auto bytes = bytes_of_base64(entry.substr(0, space));
    if (!bytes || bytes->empty() || bytes->size() > longest_token)
      refuse_tokenizer(file, fmt::format("the token in line {} is not base64", line));
    int32_t rank = -1;
    const std::string_view digits = entry.substr(space + 1);
    const auto [stop, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), rank);
    if (failure != std::errc() || stop != digits.data() + digits.size() || rank < 0 || rank >= most_tokens)
      refuse_tokenizer(file, fmt::format("the rank in line {} is no whole number below {}", line, most_tokens));
    std::string spelling = spelling_of_bytes(*bytes);
    if (plan.vocabulary->find(spelling) >= 0 || !plan.vocabulary->add(std::move(spelling), rank))
      refuse_tokenizer(file, fmt::format("line {} repeats a token or a rank", line));
    ++count;
  }
  const Known* family = known(count);
  if (!family)
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: {} ranks are of no known family, so how it cuts text is not known; use its "
                            "tokenizer.json",
                            file, count));
  merge_by_id(family_stages(family->pre), file, plan);
  for (const auto& [id, content] : family->special) {
    AddedToken token;
    token.id = id;
    token.content = content;
    token.special = true;
    plan.add(std::move(token), file);
  }
  plan.names_are_guessed = true;
  plan.bos = family->bos;
  plan.eos = family->eos;
  if (family->ranks == 128000 || family->ranks == 200000) plan.before = {plan.bos};
  return plan;
}

}  // namespace stemma
