// Traces, tables and files for the session's tests.
#pragma once

#include <QTemporaryDir>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "runtime/session/capture.h"
#include "runtime/session/session.h"
#include "runtime/trace/labels.h"
#include "runtime/trace/steps.h"
#include "runtime/trace/trace.h"

namespace stemma::samples {

inline std::filesystem::path in(const QTemporaryDir& folder, const std::string& name) {
  return std::filesystem::path(folder.path().toStdString()) / name;
}

inline std::string read_all(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_all(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Adds a token with numbers drawn from its place, K alternatives among them.
inline void add_token(Trace& trace, const std::string& text) {
  const int32_t i = trace.size();
  if (trace.token_offsets.empty()) trace.token_offsets = {0};
  trace.tokens.push_back(100 + i);
  trace.text += text;
  trace.token_offsets.push_back(static_cast<uint32_t>(trace.text.size()));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  trace.logprob.push_back(i == 0 ? nan : -0.1f * static_cast<float>(i));
  trace.entropy.push_back(i == 0 ? nan : 0.3f + static_cast<float>(i));
  for (int32_t k = 0; k < trace.alternatives; ++k) {
    trace.top_ids.push_back(i == 0 ? -1 : 100 * k + i);
    trace.top_logprobs.push_back(i == 0 ? nan : -0.5f * static_cast<float>(k));
    trace.top_texts.push_back(i == 0 ? "" : "t" + std::to_string(k));
  }
}

inline Trace head(const std::string& id) {
  Trace trace;
  trace.id = id;
  trace.title = "What is 3 + 4?";
  trace.model_hash = "0123456789abcdef0123456789abcdef";
  trace.prompt = "What is 3 + 4?\n";
  trace.expected = "7";
  trace.thought_start = "<think>";
  trace.system = "Be brief.";
  trace.sampler = {0.6, 0.95, 40, 0xFFFFFFFFFFFFFFF0u, 99, {"\n\n", "Q:"}};
  trace.created = "2026-01-02T03:04:05Z";
  trace.device = "cpu";
  trace.alternatives = 3;
  return trace;
}

inline Trace trace(const std::string& id) {
  Trace result = head(id);
  for (const char* text : {"What", " is", " 3", " +", " 4", "?", "\n"}) add_token(result, text);
  result.prompt_tokens = result.size();
  for (const char* text :
       {"<think>", "First add", " the units.", " Then we have", " 3 + 4 = 7.", "</think>", "7", "\xE2\x82", "\xAC"})
    add_token(result, text);
  result.stop_reason = "end of text";
  result.completed = true;
  result.steps = split_steps(result);
  label_steps(result);
  return result;
}

// Scores of `documents` documents for the steps of `trace`, with `top` proponents and opponents shown.
inline InfluenceTable table(const Trace& trace, const std::string& method, int32_t documents, int32_t top) {
  InfluenceTable table;
  table.trace_id = trace.id;
  table.method = method;
  table.model_hash = trace.model_hash;
  table.factors_hash = "f";
  table.corpus_hash = "c0ffee";
  table.device = "cpu";
  table.program = "stemma test";
  table.created = "2026-01-02T03:04:06Z";
  table.corpus_documents = documents + 7;
  table.seconds = 1.5;
  table.documents = documents;
  table.layers = 4;
  table.top = top;
  table.additivity = 1e-5;
  table.first_stage = {32, Precision::bf16, 7, 0.25, 0.96};
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  for (size_t s = 0; s < trace.steps.size(); ++s) {
    if (trace.steps[s].kind == StepKind::prompt) continue;
    table.step_index.push_back(static_cast<int32_t>(s));
    table.nats.push_back(s == 1 ? 0.0f : 2.5f);
    for (int32_t d = 0; d < documents; ++d) table.scores.push_back(normal(random));
    for (int32_t n = 0; n < top; ++n) {
      table.top_documents.push_back(n);
      table.bottom_documents.push_back(documents - 1 - n);
    }
    ++table.steps;
  }
  std::vector<std::string> ids, sources;
  for (int32_t d = 0; d < documents; ++d) {
    ids.push_back("folder/corpus.jsonl.zst:" + std::to_string(d * 417));
    sources.push_back(d % 3 ? "forum" : "formula");
    if (d >= top && d < documents - top) continue;
    ShownDocument shown;
    shown.index = d;
    shown.id = ids.back();
    shown.name = "d" + std::to_string(d);
    shown.source = sources.back();
    shown.text = "Three and four make seven.";
    shown.token_offsets = {0, 5, 9, 14, 19, 26};
    for (int32_t i = 0; i < table.steps * shown.tokens(); ++i) shown.token_scores.push_back(normal(random));
    if (method == "ekfac")  // another is as earlier versions left it
      for (int32_t i = 0; i < table.steps * shown.tokens(); ++i) shown.output_scores.push_back(normal(random));
    for (int32_t i = 0; i < table.steps * table.layers; ++i) shown.layer_scores.push_back(normal(random));
    table.shown.push_back(shown);
  }
  table.document_ids = ids;
  table.document_sources = sources;
  return table;
}

inline Session session() {
  Session session;
  session.models["0123456789abcdef0123456789abcdef"] = {
      "0123456789abcdef0123456789abcdef", "demo", "LlamaForCausalLM", "models/demo", "float32", "tokhash", 4, 160, 5, "c0ffee"};
  session.traces = {trace("t001"), trace("t002")};
  for (const Trace& trace : session.traces) {
    for (const char* method : {"ekfac", "gradient"})
      session.influence[{trace.id, method}] = table(trace, method, 400, 5);
  }
  return session;
}

inline std::vector<SiteShape> shapes(const std::vector<std::string>& sites, int64_t width) {
  std::vector<SiteShape> shapes;
  for (const std::string& site : sites) shapes.push_back({site, width});
  return shapes;
}

// Values of token `t` at site `s`, exact in half precision.
inline std::vector<float> residual(int64_t t, size_t s, int64_t width) {
  std::vector<float> values(static_cast<size_t>(width));
  for (int64_t c = 0; c < width; ++c)
    values[c] = static_cast<float>((t * 31 + static_cast<int64_t>(s) * 7 + c) % 1024) * 0.25f - 64.0f;
  return values;
}

}  // namespace stemma::samples
