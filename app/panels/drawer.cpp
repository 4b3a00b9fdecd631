#include "app/panels/drawer.h"

#include <QVBoxLayout>

#include "app/canvas_widget.h"
#include "app/panels/panel_parts.h"
#include "app/panels/trace/token_text.h"
#include "app/theme.h"

namespace stemma {

namespace {
QComboBox* choice(QHBoxLayout* row, const QString& name, const QString& tip) {
  auto* made = new QComboBox;
  made->setFocusPolicy(Qt::TabFocus);
  made->setSizeAdjustPolicy(QComboBox::AdjustToContents);
  made->setAccessibleName(name);
  made->setToolTip(tip);
  row->addWidget(made);
  return made;
}

// A token between those around it.
std::string in_its_place(const Trace& trace, int token) {
  constexpr int around = 5;
  const auto words = [&](int begin, int end) {
    const size_t from = trace.token_offsets[static_cast<size_t>(std::max(0, begin))],
                 to = trace.token_offsets[static_cast<size_t>(std::min(end, trace.size()))];
    return one_line(trace.text.substr(from, to - from));
  };
  const QString name = token_name(trace.token_text(token));
  return QStringLiteral("%1 [%2] %3")
      .arg(words(token - around, token), name.isEmpty() ? QObject::tr("start of the text") : name,
           words(token + 1, token + 1 + around))
      .trimmed()
      .toStdString();
}
}  // namespace

Drawer::Drawer(OpenSession* document, Jobs* jobs, TokenAttention* token_attention, QWidget* parent)
    : QWidget(parent), document_(document), jobs_(jobs), token_attention_(token_attention) {
  setMinimumHeight(150);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  auto* row = new QHBoxLayout;
  row->setContentsMargins(12, 2, 14, 2);
  row->setSpacing(8);
  view_ = choice(row, tr("What to look at inside the model"),
                 tr("Activations of each token, or attention between steps (V)"));
  view_->addItems({tr("Residual stream"), tr("Attention")});
  quantity_ =
      choice(row, tr("What to show of the residual stream"), tr("Which number of the residual stream each cell shows"));
  quantity_->addItem(tr("Norm"), static_cast<int>(ActivationQuantity::norm));
  quantity_->addItem(tr("Change by each layer"), static_cast<int>(ActivationQuantity::change));
  quantity_->addItem(tr("Cosine with the last layer"), static_cast<int>(ActivationQuantity::cosine));
  layer_ = choice(row, tr("Layer"), tr("Attention of this layer (Ctrl+Up, Ctrl+Down)"));
  head_ = choice(row, tr("Head"), tr("Attention of this head, or the mean of all (Ctrl+Left, Ctrl+Right)"));
  row->addSpacing(4);
  source_ = new ElidedLabel;
  source_->setAccessibleName(tr("Where the numbers come from"));
  row->addWidget(source_, 1);
  token_ = quiet_button(tr("What a token looks at"),
                        tr("Shades the text by the attention of the token under the cursor (T: what to shade)"));
  row->addWidget(token_);
  connect(token_, &QPushButton::clicked, this, &Drawer::token_attention_wanted);
  recompute_ = quiet_button({}, tr("Runs the model over this trace's tokens once more"));
  row->addWidget(recompute_);
  column->addLayout(row);
  // Made before the window is first shown: a GL child that comes later would make Qt close the window and open another.
  canvas_ = new CanvasWidget(this);
  column->addWidget(canvas_, 1);
  const auto darken = [this] {
    activations_.set_dark(theme().dark);
    attention_.set_dark(theme().dark);
    canvas_->redraw();
  };
  darken();
  connect(&ThemeKeeper::instance(), &ThemeKeeper::changed, canvas_, darken);
  connect(document_, &OpenSession::activations_changed, this, [this] {
    activations_.set_message(document_->activations_message().toStdString());
    activations_.show(document_->activations());
    refresh_source();
    follow_cursor();
  });
  connect(document_, &OpenSession::attention_changed, this, [this] {
    attention_.set_message(document_->attention_message().toStdString());
    attention_.show(document_->attention());
    refresh_choices();
    refresh_source();
    follow_cursor();
  });
  connect(token_attention_, &TokenAttention::changed, this, &Drawer::refresh_token);
  attention_.on_token([this](int token) {
    QMetaObject::invokeMethod(
        this, [this, token] { document_->set_token(token); }, Qt::QueuedConnection);
  });
  connect(jobs_, &Jobs::changed, this, &Drawer::refresh_source);
  connect(jobs_, &Jobs::progressed, this, &Drawer::refresh_source);
  connect(recompute_, &QPushButton::clicked, this, [this] {
    const Jobs::Kind now = jobs_->running();
    if (now == Jobs::Kind::recompute || now == Jobs::Kind::attention)
      jobs_->cancel();
    else
      view() == attention ? jobs_->measure_attention() : jobs_->recompute();
  });
  connect(quantity_, &QComboBox::activated, this, &Drawer::read);
  connect(view_, &QComboBox::activated, this, [this](int index) { show_view(static_cast<View>(index)); });
  connect(layer_, &QComboBox::activated, document_, &OpenSession::set_layer);
  connect(head_, &QComboBox::activated, this, [this](int index) { document_->set_head(index - 1); });
  connect(document_, &OpenSession::trace_changed, this, &Drawer::read);
  connect(document_, &OpenSession::cursor_changed, this, [this](const Cursor& now, const Cursor& before) {
    if (view() == attention && (now.layer != before.layer || now.head != before.head)) read();
    follow_cursor();
  });
  show_view(activations);
}

ActivationQuantity Drawer::quantity() const {
  return static_cast<ActivationQuantity>(quantity_->currentData().toInt());
}

void Drawer::show_view(View view) {
  view_->setCurrentIndex(view);
  quantity_->setVisible(view == activations);
  const auto later = [this](auto change) { QMetaObject::invokeMethod(this, change, Qt::QueuedConnection); };
  if (view == activations) {
    canvas_->show_frame([this, later](Canvas& canvas, const Input& input) {
      if (const auto cell = activations_.frame(canvas, input))
        later([this, at = *cell] { document_->set_layer_and_token(at.layer, at.token); });
    });
  } else {
    canvas_->show_frame([this, later](Canvas& canvas, const Input& input) {
      if (const auto step = attention_.frame(canvas, input)) later([this, at = *step] { document_->set_step(at); });
    });
  }
  refresh_choices();
  read();
}

void Drawer::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  if (stale_) read();
}

void Drawer::read() {
  stale_ = !isVisible();
  if (stale_) return;
  view() == attention ? document_->read_attention() : document_->read_activations(quantity());
}

void Drawer::refresh_choices() {
  token_->setVisible(view() == attention && !token_attention_->following() && document_->trace());
  const auto shown = token_attention_->shown();
  layer_->setVisible(view() == attention && shown);
  head_->setVisible(view() == attention && shown);
  if (!shown) return;
  if (layer_->count() != shown->layers) {
    layer_->clear();
    for (int layer = 0; layer < shown->layers; ++layer) layer_->addItem(tr("Layer %1").arg(layer));
  }
  if (head_->count() != shown->heads + 1) {
    head_->clear();
    head_->addItem(tr("Mean of %1 heads").arg(shown->heads));
    for (int head = 0; head < shown->heads; ++head) head_->addItem(tr("Head %1").arg(head));
  }
  layer_->setCurrentIndex(shown->layer);
  head_->setCurrentIndex(shown->head + 1);
}

void Drawer::refresh_token() {
  constexpr size_t most = 64;  // more than a drawer has room for
  const auto row = token_attention_->row();
  const Trace* trace = document_->trace();
  std::vector<Attended> rows;
  std::string title;
  if (row && trace && row->trace_id == trace->id) {
    title =
        tr("Token %1 “%2” looks most at").arg(row->token).arg(token_name(trace->token_text(row->token))).toStdString();
    for (const int32_t token : row->strongest(most))
      rows.push_back({token, std::to_string(token), row->weights[static_cast<size_t>(token)],
                      token == row->token ? "itself" : in_its_place(*trace, token)});
  }
  attention_.show_tokens(std::move(title), std::move(rows));
  refresh_choices();
  canvas_->redraw();
}

void Drawer::refresh_source() {
  const bool of_attention = view() == attention;
  const bool computing = jobs_->running() == (of_attention ? Jobs::Kind::attention : Jobs::Kind::recompute);
  const Progress& now = jobs_->progress();
  QString detail;
  source_->setText(!computing ? (of_attention ? document_->attention_source() : document_->activations_source(&detail))
                   : now.total > 0 ? tr("Computing: %1 of %2 tokens").arg(now.done).arg(now.total)
                                   : QString::fromStdString(now.stage) + QStringLiteral("…"));
  source_->setToolTip(detail.isEmpty() ? source_->text() : detail);
  recompute_->setVisible(computing || (of_attention ? document_->can_measure_attention() : document_->can_recompute()));
  recompute_->setText(computing ? tr("Cancel") : of_attention ? tr("Measure attention") : tr("Compute again"));
  recompute_->setEnabled(computing ? !jobs_->stopping() : jobs_->running() == Jobs::Kind::none);
}

void Drawer::follow_cursor() {
  const Cursor& cursor = document_->cursor();
  const Step* step = document_->step();
  activations_.set_cursor({cursor.layer, cursor.token >= 0 ? cursor.token : step ? step->begin : -1});
  if (attention_.cursor() != cursor.step) attention_.set_cursor(cursor.step);
  canvas_->redraw();
}

}  // namespace stemma
