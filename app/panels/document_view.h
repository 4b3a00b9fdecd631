// The chosen document whole: its tokens shaded by what each adds to the step's score, as it is read or as it is
// predicted, and each layer's share below.
#pragma once

#include <QAbstractScrollArea>
#include <QWidget>
#include <vector>

#include "app/document.h"
#include "app/panels/trace/legend.h"
#include "app/panels/trace/token_text.h"
#include "app/shading.h"

class QLabel;
class QToolButton;

namespace stemma {

// The text alone, scrolled.
class DocumentText : public QAbstractScrollArea {
 public:
  explicit DocumentText(QWidget* parent = nullptr);
  void show_document(const ShownDocument* document, const Shading& shading, TokenPart part, bool marks);
  int token_at(const QPoint& point) const;

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  bool viewportEvent(QEvent* event) override;
  void scrollContentsBy(int dx, int dy) override;

 private:
  void lay_out();
  TokenParagraph paragraph_;
  Shading shading_;
  TokenPart part_ = TokenPart::read;
  bool filled_ = false;
};

// One column a layer, up for positive and down for negative.
class LayerBars : public QWidget {
 public:
  explicit LayerBars(QWidget* parent = nullptr);
  void show_layers(std::vector<float> values);

 protected:
  void paintEvent(QPaintEvent* event) override;
  bool event(QEvent* event) override;

 private:
  std::vector<float> values_;
};

class DocumentView : public QWidget {
  Q_OBJECT

 public:
  explicit DocumentView(OpenSession* document, QWidget* parent = nullptr);
  void set_marks(bool shown);
  void set_part(TokenPart part);
  TokenPart part() const { return part_; }
  TokenPart shown_part() const { return shown_part_; }  // as read, where the session has nothing else
  QToolButton* part_button(TokenPart part) const { return part == TokenPart::read ? read_ : predicted_; }
  const Shading& shading() const { return shading_; }
  QString heading_text() const;

 private:
  QWidget* build_parts();
  void refresh();

  OpenSession* document_;
  QLabel *title_, *score_;
  QToolButton *read_, *predicted_;
  QWidget* parts_;
  Legend* legend_;
  DocumentText* text_;
  LayerBars* layers_;
  QWidget* foot_;
  Shading shading_;
  TokenPart part_ = TokenPart::read, shown_part_ = TokenPart::read;
  bool marks_ = false;
};

}  // namespace stemma
