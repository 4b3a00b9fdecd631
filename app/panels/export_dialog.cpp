#include "app/panels/export_dialog.h"

#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QImage>
#include <QPainter>
#include <QRadioButton>
#include <QVBoxLayout>

#include "app/figures/build_figures.h"
#include "app/figures/figure_canvas.h"
#include "app/figures/layout.h"
#include "app/panels/panel_parts.h"
#include "runtime/error.h"

namespace stemma {

namespace {
constexpr int preview_width = 560, preview_height = 460;

QImage picture(const Figure& figure, double scale) {
  MeasuringCanvas measure;
  const double height = draw_figure(measure, figure);
  QImage image(QSize(static_cast<int>(figure.width * scale), static_cast<int>(height * scale)), QImage::Format_RGB32);
  image.fill(Qt::white);
  QPainter painter(&image);
  painter.setRenderHint(QPainter::Antialiasing);
  painter.scale(scale, scale);
  PainterCanvas canvas(painter);
  draw_figure(canvas, figure);
  return image;
}
}  // namespace

ExportDialog::ExportDialog(OpenSession* document, ActivationQuantity quantity, TokenPart part,
                           std::shared_ptr<const AttentionRow> shown, QWidget* parent)
    : QDialog(parent), document_(document), quantity_(quantity), part_(part), row_(std::move(shown)) {
  setWindowTitle(tr("Export a figure"));
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(22, 20, 22, 20);
  row->setSpacing(22);
  auto* column = new QVBoxLayout;
  column->setSpacing(8);
  which_ = new QButtonGroup(this);
  const QStringList names = {tr("The step and its documents"), tr("The document and its tokens"),
                             tr("The activation map"), tr("What the token looks at")};
  column->addWidget(heading(tr("What to export")));
  for (int i = 0; i < names.size(); ++i) {
    auto* choice = new QRadioButton(names[i]);
    which_->addButton(choice, i);
    column->addWidget(choice);
  }
  which_->button(0)->setChecked(true);
  column->addSpacing(12);
  column->addWidget(heading(tr("Save as")));
  auto* formats = new QHBoxLayout;
  for (const char* suffix : {"svg", "pdf", "png", "csv"}) {
    auto* made =
        button(QString(suffix).toUpper(), QLatin1String(suffix) == "csv" ? tr("The figure's numbers as a table")
                                                                         : tr("The figure, with what made it inside"));
    made->setMinimumWidth(58);
    connect(made, &QPushButton::clicked, this, [this, suffix] { save(QLatin1String(suffix)); });
    formats->addWidget(made);
    formats_ << made;
  }
  formats->addStretch();
  column->addLayout(formats);
  words_ = label({}, Ink::quiet);
  column->addWidget(words_);
  column->addStretch();
  auto* close = button(tr("Close"));
  connect(close, &QPushButton::clicked, this, &QDialog::accept);
  column->addWidget(close, 0, Qt::AlignLeft);
  row->addLayout(column);
  preview_ = new QLabel;
  preview_->setFixedSize(preview_width, preview_height);
  preview_->setAlignment(Qt::AlignCenter);
  row->addWidget(preview_);
  connect(which_, &QButtonGroup::idClicked, this, &ExportDialog::build_figure);
  build_figure();
}

void ExportDialog::choose(int which) {
  which_->button(which)->setChecked(true);
  build_figure();
}

void ExportDialog::build_figure() {
  figure_ = nullptr;
  for (QPushButton* format : formats_) format->setEnabled(false);
  words_->setText(tr("Drawing…"));
  const int which = which_->checkedId();
  const auto session = document_->session();
  const Trace* trace = document_->trace();
  const InfluenceTable* table = document_->table();
  const int step = document_->cursor().step, chosen = document_->cursor().document;
  if (which == 1 && (!table || document_->row() < 0 || chosen < 0)) {
    build_.forget();
    preview_->clear();
    words_->setText(tr("No document is chosen. Attribute the step and choose one of its documents first."));
    return;
  }
  if (which == 3 && (!row_ || row_->trace_id != trace->id)) {
    build_.forget();
    preview_->clear();
    words_->setText(tr("Shade the text by attention (T) and go to a token first."));
    return;
  }
  // The session is shared and never changed, so the archive thread may read it.
  build_(
      document_->archive(),
      [session, trace, table, step, chosen, which, quantity = quantity_, part = part_, row = row_] {
        const FigureOrigin origin = figure_origin(*session, *trace);
        if (which == 0) {
          static const InfluenceTable none;
          return std::make_shared<const Figure>(step_figure(*trace, table ? *table : none, step, 8, origin));
        }
        if (which == 1) return std::make_shared<const Figure>(document_figure(*trace, *table, step, chosen, part, origin));
        if (which == 3) return std::make_shared<const Figure>(attention_row_figure(*trace, *row, origin));
        const auto found = session->activations.find(trace->id);
        if (found == session->activations.end()) {
          throw Error(ErrorCode::not_found,
                      "No activations were recorded for this trace; run its prompt again to record them.");
        }
        return std::make_shared<const Figure>(
            activation_figure(recorded_map(session->path, *trace, found->second, quantity), origin));
      },
      [this](std::shared_ptr<const Figure> figure) { show_figure(std::move(figure)); },
      [this](const QString& sentence) {
        preview_->clear();
        words_->setText(sentence);
      });
}

void ExportDialog::show_figure(std::shared_ptr<const Figure> figure) {
  figure_ = std::move(figure);
  for (QPushButton* format : formats_) format->setEnabled(true);
  words_->setText(tr("Model, corpus, factors, seed and the command that repeats it are written inside."));
  const double pixels = devicePixelRatioF();
  QImage image = picture(*figure_, 2 * pixels)
                     .scaled(QSizeF(preview_width * pixels, preview_height * pixels).toSize(), Qt::KeepAspectRatio,
                             Qt::SmoothTransformation);
  image.setDevicePixelRatio(pixels);
  preview_->setPixmap(QPixmap::fromImage(image));
}

void ExportDialog::save(const QString& suffix) {
  static const char* const names[] = {"step", "document", "activations", "attention-row"};
  const QString name =
      QStringLiteral("%1-%2.%3")
          .arg(QString::fromStdString(document_->trace()->id), QLatin1String(names[which_->checkedId()]), suffix);
  QString path = QFileDialog::getSaveFileName(this, tr("Export"), name, QStringLiteral("*.") + suffix);
  if (path.isEmpty()) return;
  if (QFileInfo(path).suffix().isEmpty()) path += "." + suffix;
  write(path);
}

void ExportDialog::write(const QString& path) {
  if (!figure_) return;
  write_(
      document_->archive(),
      [figure = figure_, file = std::filesystem::path(path.toStdString())] { export_figure(*figure, file); },
      [this, path] {
        words_->setText(tr("Written: %1").arg(path));
        document_->say({Message::note, tr("The figure was written to %1.").arg(QFileInfo(path).fileName()), path});
      },
      [this](const QString& sentence) { words_->setText(sentence); });
}

}  // namespace stemma
