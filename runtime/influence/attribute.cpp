#include "runtime/influence/attribute.h"

#include <algorithm>
#include <array>
#include <span>

#include "runtime/clock.h"
#include "runtime/influence/scan/batch_size.h"
#include "runtime/influence/scan/scan.h"
#include "runtime/influence/scan/scan_low_rank.h"
#include "runtime/influence/scan/two_stage.h"
#include "runtime/influence/tables/make_tables.h"
#include "runtime/influence/tables/show_documents.h"
#include "runtime/influence/tracked.h"
#include "runtime/influence/unfinished.h"
#include "runtime/model/files/hash.h"
#include "runtime/program.h"

namespace stemma {

namespace {

constexpr size_t recall_at = 100;  // proponents of the two stages that are compared

void expect_usable(const Model& model, const Factors* factors, const std::string& method) {
  if (method != "ekfac" && method != "gradient")
    throw Error(ErrorCode::usage, "'" + method + "' is no method of attribution; use ekfac or gradient");
  if (method != "ekfac") return;
  if (!factors) throw Error(ErrorCode::usage, "method ekfac needs curvature factors; make them with `stemma fit`");
  if (!fit_together(*factors, model))
    throw Error(ErrorCode::does_not_fit,
                "the factors belong to another model than " + model.path.string() + "; fit new ones with `stemma fit`");
}

// Of everything that the scores depend on.
std::string key_of(const Model& model, const Factors* factors, const AttributeOptions& options, Precision precision,
                   const Questions& questions, const Corpus& corpus, const DocumentBatches& batches) {
  Hasher hasher;
  for (const std::string& part : {std::string("scan"), program_version(), model.ops->device(), model.hash,
                                  factors ? factors->hash : "", options.method, std::to_string(options.rank),
                                  name_of(precision), corpus.hash, std::to_string(corpus.total), batches.hash()})
    hasher.add(part + '\n');
  for (const auto* list : {&questions.queries, &questions.against})
    for (const Query& query : *list) {
      const std::array<int64_t, 3> place = {static_cast<int64_t>(query.tokens->size()), query.begin, query.end};
      hasher.add(std::as_bytes(std::span(place)));
      hasher.add(std::as_bytes(std::span(*query.tokens)));
    }
  return hasher.hex();
}

// What scans the corpus: gradients of all queries, preconditioned; or, of rank `low`, their factors.
struct Scanner {
  const QueryGradients* whole = nullptr;
  const LowRankQueries* low = nullptr;
  Precision precision = Precision::f32;
  const std::vector<float>& nats() const { return low ? low->nats : whole->nats; }
};

// Scans the documents of `corpus`, in `batches`, and makes the tables. After a scan of low rank the strongest of each
// part are scored again with its own whole gradients.
std::vector<InfluenceTable> tables_by_scan(const Model& model, const Factors* factors, const Corpus& corpus,
                                           const DocumentBatches& batches, const Questions& questions,
                                           const Scanner& scanner, const AttributeOptions& options,
                                           UnfinishedWork& kept, const Control& control) {
  const size_t documents = corpus.documents.size();
  // Nats per added copy: the Hessian of the training loss is that of a mean document times their number.
  const double scale = factors ? 1.0 / static_cast<double>(std::max<int64_t>(1, corpus.total)) : 1.0;
  const std::string scanned = "tokens and layers";
  Ranks alone;
  Ranks& ranks = options.ranks ? *options.ranks : alone;
  const LowRankQueries* low = scanner.low;
  std::vector<int32_t> is_scanned = {kept.stage() == scanned};
  ranks.share(is_scanned, control);
  std::vector<float> scores;
  if (is_scanned.front()) {
    if (ranks.leads()) scores = kept.part("scores", questions.queries.size() * documents);
  } else {
    const Precision precision = scanner.precision;
    scores = low ? scan(model, *low, choose_routes(model, *low, precision, batches), precision, batches, documents,
                        control, &kept, &ranks)
                 : scan(model, *scanner.whole, batches, documents, control, &kept, &ranks);
    for (float& score : scores) score = static_cast<float>(score * scale);
  }
  const auto keep = [&] { kept.keep(scanned, 0, [&](const auto& put) { put("scores", scores); }); };
  if (kept.due()) keep();

  const Showing showing{model, factors, corpus, batches, options.tokens_of_few(), scale, kept.key()};
  const auto row = [&](size_t query) { return scores.data() + query * documents; };
  const DocumentNames names(corpus);
  std::vector<InfluenceTable> tables(questions.parts.size());  // rank 0's; the others help to fill them
  try {
    for (size_t i = 0; i < tables.size(); ++i) {
      const TraceQueries& part = questions.parts[i];
      if (!low) {
        if (ranks.leads()) tables[i] = table_of(part, row(part.first), scanner.nats(), corpus, names, options.top);
        continue;
      }
      const auto first = static_cast<std::ptrdiff_t>(part.first),
                 last = first + static_cast<std::ptrdiff_t>(part.steps.size());
      control.say({"query gradients", 0, double(last - first)});
      const QueryGradients own =
          preconditioned(model, factors, {questions.queries.begin() + first, questions.queries.begin() + last});
      std::vector<float> rows;
      if (ranks.leads()) rows.assign(row(part.first), row(part.first + part.steps.size()));
      const int64_t again = std::max<int64_t>(options.rescore > 0 ? options.rescore : usual_rescored, options.top);
      const SecondStage second = score_again(model, own, batches, rows.data(), documents, static_cast<size_t>(again),
                                             recall_at, options.tokens_of_few(), scale, ranks, control);
      if (ranks.leads()) tables[i] = table_of(part, rows.data(), scanner.nats(), corpus, names, options.top);
      tables[i].first_stage = {
          static_cast<int32_t>(options.rank), scanner.precision, static_cast<int32_t>(second.documents.size()),
          *std::max_element(low->errors.begin() + first, low->errors.begin() + last), second.recall};
      const TraceQueries alone_part{part.trace, 0, part.steps, part.whole};
      show_documents(showing, own, {&alone_part, 1}, {&tables[i], 1}, ranks, control);
    }
    if (!low) show_documents(showing, *scanner.whole, questions.parts, tables, ranks, control);
  } catch (...) {
    keep();
    throw;
  }
  for (InfluenceTable& table : tables) describe(table, model, factors, options.method, options.span);
  return tables;
}

// As rank 0 has it: the machines of a run need not be alike.
Precision precision_of(const Model& model, const AttributeOptions& options, const Control& control) {
  std::vector<int32_t> chosen = {static_cast<int32_t>(first_stage_precision(options.precision, *model.ops))};
  if (options.ranks) options.ranks->share(chosen, control);
  return static_cast<Precision>(chosen.front());
}

}  // namespace

Questions questions_to_scan(const Model& model, const Factors* factors, const std::vector<const Trace*>& traces,
                            const AttributeOptions& options) {
  expect_usable(model, factors, options.method);
  Questions questions = questions_of(model, traces, options.span);
  if (options.rank > 0 && !questions.against.empty())
    throw Error(ErrorCode::usage, "a contrast is scanned at full rank; leave out the rank");
  return questions;
}

std::vector<InfluenceTable> attribute(const Model& model, const Factors* factors, const Corpus& corpus,
                                      const std::vector<const Trace*>& traces, const AttributeOptions& options,
                                      const Control& control) {
  const auto start = Clock::now();
  const Questions questions = questions_to_scan(model, factors, traces, options);
  const Factors* curvature = options.method == "ekfac" ? factors : nullptr;
  control.say({"query gradients", 0, double(questions.queries.size())});
  QueryGradients gradients;
  LowRankQueries low;
  if (options.rank > 0) {
    low = low_rank_queries(model, curvature, questions.queries, options.rank, control);
  } else {
    gradients = gradients_of(model, questions, curvature);
    if (curvature) precondition(model, *curvature, gradients);
  }
  const Precision precision = options.rank > 0 ? precision_of(model, options, control) : Precision::f32;
  const Scanner scanner{options.rank > 0 ? nullptr : &gradients, options.rank > 0 ? &low : nullptr, precision};
  DocumentBatches batches(model, corpus, usual_batch_tokens, control);
  ScanQueries asked{
      .count = static_cast<int64_t>(questions.queries.size()), .rank = options.rank, .precision = precision};
  if (curvature) asked.choice = curvature->choice;
  batches.pack_again(options.batch_tokens > 0 ? options.batch_tokens : scan_batch_tokens(model, asked, batches));
  const bool named = !curvature || !curvature->hash.empty();
  const double before = seconds_since(start);
  const bool leads = !options.ranks || options.ranks->leads();
  UnfinishedWork kept(named && leads ? options.unfinished : "",
                      key_of(model, curvature, options, precision, questions, corpus, batches), control, options.pause);
  auto tables = tables_by_scan(model, curvature, corpus, batches, questions, scanner, options, kept, control);
  if (!leads) return {};
  for (InfluenceTable& table : tables) table.seconds = before + kept.seconds();
  return tables;
}

}  // namespace stemma
