#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "runtime/error.h"
#include "runtime/session/store.h"

namespace stemma {

namespace {

void check_indices(const Hdf5Node& node, const std::string& name, const std::vector<int32_t>& indices, int64_t lowest,
                   int64_t limit) {
  for (const int32_t index : indices) {
    if (index < lowest || index >= limit)
      fail_damaged(node.place(name), fmt::format("names {}, outside {} to {}", index, lowest, limit - 1));
  }
}

// What the table is about; of one saved before spans were fields, its method's name says it.
std::optional<AskedSpan> span_of(const Hdf5Node& node, const std::string& method, const Trace& trace) {
  if (!node.has_attribute("span_begin")) return AskedSpan::of_method(method);
  const int64_t begin = node.integer("span_begin"), end = node.integer("span_end");
  if (begin < 1 || end <= begin || end > static_cast<int64_t>(trace.tokens.size()))
    fail_damaged(node.place(), fmt::format("is about tokens {} to {}, which its trace has not", begin, end));
  return AskedSpan{static_cast<int32_t>(begin), static_cast<int32_t>(end), node.text("against")};
}

// What the first of two stages multiplied in; older sessions do not say that it was f32.
Precision precision_of(const Hdf5Node& node) {
  if (!node.has_attribute("precision")) return Precision::f32;
  const std::string name = node.text("precision");
  const auto precision = precision_named(name);
  if (!precision) fail_damaged(node.place(), fmt::format("was scanned in '{}', which is no precision", name));
  return *precision;
}

// Scores in nats per nat of query; not measured where the query has none.
std::vector<float> per_nat(const InfluenceTable& table) {
  std::vector<float> result(table.scores.size(), std::numeric_limits<float>::quiet_NaN());
  for (int32_t s = 0; s < table.steps; ++s) {
    const float nats = table.nats[s];
    if (!(nats > 0)) continue;
    for (int32_t d = 0; d < table.documents; ++d) {
      const size_t i = static_cast<size_t>(s) * table.documents + d;
      result[i] = table.scores[i] / nats;
    }
  }
  return result;
}

}  // namespace

InfluenceWriter::InfluenceWriter(const Hdf5Node& root) : corpora_(root.make_group("corpora")) {}

void InfluenceWriter::write_shared(const Hdf5Node& group, const std::string& name,
                                   const SharedTexts& texts) {
  for (const Written& known : shared_[name]) {
    if (known.texts == texts) return group.link(name, known.group, name);
  }
  group.write_texts(name, texts.all(), {static_cast<int64_t>(texts.size())});
  shared_[name].push_back({texts, group});
}

void InfluenceWriter::write(const Hdf5Node& trace, const InfluenceTable& table) {
  const Hdf5Node methods = trace.has("influence") ? trace.group("influence") : trace.make_group("influence");
  const Hdf5Node node = methods.make_group(link_name(table.method));
  node.set("method", table.method);
  if (table.asked) {
    node.set("span_begin", table.asked->begin);
    node.set("span_end", table.asked->end);
    node.set("against", table.asked->against);
  }
  node.set("model", table.model_hash);
  node.set("factors", table.factors_hash);
  node.set("corpus", table.corpus_hash);
  node.set("device", table.device);
  node.set("program", table.program);
  node.set("created", table.created);
  node.set("corpus_documents", table.corpus_documents);
  node.set("seconds", table.seconds);
  node.set("additivity", table.additivity);
  if (const FirstStage& first = table.first_stage; first.rank > 0) {
    node.set("rank", first.rank);
    node.set("precision", name_of(first.precision));
    node.set("rescored", first.rescored);
    node.set("rank_error", first.error);
    node.set("recall", first.recall);
  }
  node.set("layers", table.layers);
  if (!table.index_hash.empty()) {
    node.set("index", table.index_hash);
    node.set("searched", table.searched);
    node.set("search_seconds", table.search_seconds);
    node.set("late", table.late);
  }

  const int64_t steps = table.steps, documents = table.documents;
  // Deflated they would take a seventh less, and a third of the time of a save.
  node.write("scores", table.scores, {steps, documents}, Packing::none);
  node.write("per_nat", per_nat(table), {steps, documents}, Packing::none);
  node.write("nats", table.nats, {steps});
  node.write("step", table.step_index, {steps});
  node.write("top", table.top_documents, {steps, table.top});
  node.write("bottom", table.bottom_documents, {steps, table.top});
  write_shared(node, "document_ids", table.document_ids);
  write_shared(node, "document_sources", table.document_sources);

  const Hdf5Node shown = node.make_group("documents");
  for (const ShownDocument& document : table.shown) write_document(shown, table, document);

  const std::string corpus = link_name(table.corpus_hash);
  if (corpora_.has(corpus)) corpora_.group(corpus).set("documents", table.corpus_documents);
}

void InfluenceWriter::write_document(const Hdf5Node& documents, const InfluenceTable& table,
                                     const ShownDocument& document) {
  const Hdf5Node node = documents.make_group(std::to_string(document.index));
  node.set("id", document.id);
  node.write("token_scores", document.token_scores, {table.steps, document.tokens()});
  if (!document.output_scores.empty())
    node.write("output_scores", document.output_scores, {table.steps, document.tokens()});
  node.write("layer_scores", document.layer_scores, {table.steps, table.layers});

  const int64_t offsets = static_cast<int64_t>(document.token_offsets.size());
  const ShownDocument*& known = documents_[{table.corpus_hash, document.id}];
  if (known) {
    // Another model's tokenizer cuts the same text elsewhere.
    if (known->token_offsets != document.token_offsets) node.write("token_offsets", document.token_offsets, {offsets});
    return;
  }
  known = &document;
  const std::string corpus = link_name(table.corpus_hash);
  const Hdf5Node home = corpora_.has(corpus) ? corpora_.group(corpus) : corpora_.make_group(corpus);
  const Hdf5Node texts = home.has("documents") ? home.group("documents") : home.make_group("documents");
  const Hdf5Node text = texts.make_group(link_name(document.id));
  text.set("text", document.text);
  text.set("source", document.source);
  text.set("name", document.name);
  text.write("token_offsets", document.token_offsets, {offsets});
}

SharedTexts InfluenceReader::read_shared(const Hdf5Node& group, const std::string& name, int64_t count) {
  const uint64_t address = group.address(name);
  if (const auto known = shared_.find(address);
      known != shared_.end() && static_cast<int64_t>(known->second.size()) == count) {
    return known->second;
  }
  return shared_[address] = group.read_texts(name, {count});
}

InfluenceTable InfluenceReader::read(const Hdf5Node& methods, const std::string& method, const Trace& trace) {
  const Hdf5Node node = methods.group(method);
  InfluenceTable table;
  table.trace_id = trace.id;
  table.method = node.text("method");
  table.asked = span_of(node, table.method, trace);
  table.model_hash = node.text("model");
  table.factors_hash = node.text("factors");
  table.corpus_hash = node.text("corpus");
  table.device = node.text("device");
  table.program = node.text("program");
  table.created = node.text("created");
  table.corpus_documents = node.integer("corpus_documents");
  table.seconds = node.real("seconds");
  table.additivity = node.real("additivity");
  if (node.has_attribute("index")) {
    table.index_hash = node.text("index");
    table.searched = node.integer("searched");
    table.search_seconds = node.real("search_seconds");
    if (node.has_attribute("late")) table.late = node.real("late");
  }
  if (node.has_attribute("rank"))
    table.first_stage = {static_cast<int32_t>(node.integer("rank")), precision_of(node),
                         static_cast<int32_t>(node.integer("rescored")), node.real("rank_error"), node.real("recall")};
  const int64_t layers = node.integer("layers");

  table.scores = node.read<float>("scores", {-1, -1});
  const Shape shape = node.shape("scores");
  table.top_documents = node.read<int32_t>("top", {shape[0], -1});
  const int64_t top = node.shape("top").back();
  for (const int64_t extent : {shape[0], shape[1], top, layers}) {
    if (extent < 0 || extent > INT32_MAX) fail_damaged(node.place(), "claims a size that no table has");
  }
  table.steps = static_cast<int32_t>(shape[0]);
  table.documents = static_cast<int32_t>(shape[1]);
  table.layers = static_cast<int32_t>(layers);
  table.top = static_cast<int32_t>(top);
  table.nats = node.read<float>("nats", {shape[0]});
  table.step_index = node.read<int32_t>("step", {shape[0]});
  check_indices(node, "step", table.step_index, 0, static_cast<int64_t>(trace.steps.size()));
  table.bottom_documents = node.read<int32_t>("bottom", {shape[0], top});
  check_indices(node, "top", table.top_documents, -1, shape[1]);
  check_indices(node, "bottom", table.bottom_documents, -1, shape[1]);
  table.document_ids = read_shared(node, "document_ids", shape[1]);
  table.document_sources = read_shared(node, "document_sources", shape[1]);

  const Hdf5Node shown = node.group("documents");
  for (const std::string& name : shown.names()) table.shown.push_back(read_document(shown, name, table));
  std::sort(table.shown.begin(), table.shown.end(),
            [](const ShownDocument& a, const ShownDocument& b) { return a.index < b.index; });
  return table;
}

ShownDocument InfluenceReader::read_document(const Hdf5Node& documents, const std::string& name,
                                             const InfluenceTable& table) {
  const Hdf5Node node = documents.group(name);
  ShownDocument document;
  int32_t index = 0;
  const bool whole = !name.empty() && name.size() <= 9 &&
                     std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (whole) index = std::stoi(name);
  if (!whole || index >= table.documents) fail_damaged(documents.place(name), "is no index of a document");
  document.index = index;
  document.id = node.text("id");
  auto texts = texts_.find(table.corpus_hash);
  if (texts == texts_.end()) {
    const Hdf5Node corpus = root_.group("corpora").group(link_name(table.corpus_hash));
    texts = texts_.emplace(table.corpus_hash, corpus.group("documents")).first;
  }
  const Hdf5Node text = texts->second.group(link_name(document.id));
  document.text = text.text("text");
  document.source = text.text("source");
  document.name = text.text("name");
  const Hdf5Node& cut = node.has("token_offsets") ? node : text;
  document.token_offsets = cut.read<uint32_t>("token_offsets", {-1});
  for (size_t i = 0; i < document.token_offsets.size(); ++i) {
    if (document.token_offsets[i] > document.text.size() ||
        (i > 0 && document.token_offsets[i] < document.token_offsets[i - 1])) {
      fail_damaged(cut.place("token_offsets"), "do not cut the text into its tokens");
    }
  }
  document.token_scores = node.read<float>("token_scores", {table.steps, document.tokens()});
  if (node.has("output_scores"))
    document.output_scores = node.read<float>("output_scores", {table.steps, document.tokens()});
  document.layer_scores = node.read<float>("layer_scores", {table.steps, table.layers});
  return document;
}

}  // namespace stemma
