// The figures of the workbench, made from what a session holds. Any thread; nothing is drawn here.
//
// A figure's provenance ends with the command that makes it again: the same bytes come from a button and from a command.
#pragma once

#include <string>

#include "app/figures/figure.h"
#include "runtime/influence/tables/table.h"
#include "runtime/session/session.h"
#include "runtime/trace/activation_summary.h"
#include "runtime/trace/attention_map.h"
#include "runtime/trace/attention_row.h"
#include "runtime/trace/trace.h"

namespace stemma {

// What a figure says of its making beyond trace and table. Empty fields are left out.
struct FigureOrigin {
  std::string session;     // the file's name
  std::string model_name;  // ModelFacts::name
};
FigureOrigin figure_origin(const Session& session, const Trace& trace);

// `step` is an index into Trace::steps, and is called so in the figure: the prompt is step 0. Text of the step, its
// `documents` strongest proponents and as many opponents. A step that is no query of the table, an empty table, or one
// of scores alone gives a figure that says so in words. Throws Error where the trace has no such step.
Figure step_figure(const Trace& trace, const InfluenceTable& table, int step, int documents,
                   const FigureOrigin& origin = {});

// The whole document, its tokens tinted by what each adds to the step's score, and what each layer adds. `document` is an
// index among the documents scanned. Throws Error where the table does not hold the document's text, or not this part.
Figure document_figure(const Trace& trace, const InfluenceTable& table, int step, int document, TokenPart part,
                       const FigureOrigin& origin = {});

Figure activation_figure(const ActivationMap& map, const FigureOrigin& origin = {});
Figure attention_figure(const AttentionMap& map, const FigureOrigin& origin = {});
// The text up to a token, shaded by what it looks at, and a row for each token. Throws Error where the trace is
// another.
Figure attention_row_figure(const Trace& trace, const AttentionRow& row, const FigureOrigin& origin = {});

}  // namespace stemma
