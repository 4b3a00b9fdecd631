// The trace as text to read: steps as paragraphs with a slim gutter, tokens tinted by the chosen quantity.
#pragma once

#include <QAbstractScrollArea>
#include <QPushButton>
#include <QTimer>
#include <memory>

#include "app/document.h"
#include "app/panels/trace/trace_layout.h"
#include "app/shading.h"

namespace stemma {

class AlternativesPopup;

class TraceView : public QAbstractScrollArea {
  Q_OBJECT

 public:
  explicit TraceView(OpenSession* document, QWidget* parent = nullptr);
  ~TraceView() override;

  void set_shade(Shade shade);
  Shade shade() const { return shading_.shade; }
  void set_attention(std::shared_ptr<const AttentionRow> row);  // what Shade::attention shows; null: nothing yet
  const Shading& shading() const { return shading_; }
  void set_marks(bool shown);  // special tokens, spaces and line ends
  bool marks() const { return marks_; }
  void fold_step();
  bool folded(int step) const { return layout_.folded(step); }
  // Goes to the next place that holds `text` after the last one; false: nowhere.
  bool find(const QString& text, bool backwards = false);
  void forget_find();
  void show_alternatives();  // of the token under the cursor
  void move_token(int by);   // past hidden tokens
  void extend(int by);       // what is chosen, from the token under the cursor

  QRect step_rectangle(int step) const;  // in the viewport
  QPoint token_place(int token) const;   // its middle, in the viewport; for tests
  QPushButton* ask_button() const { return ask_; }

 signals:
  void shading_changed();
  void ask_wanted();  // about the chosen tokens

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseReleaseEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;
  void leaveEvent(QEvent* event) override;
  void changeEvent(QEvent* event) override;
  bool viewportEvent(QEvent* event) override;
  void scrollContentsBy(int dx, int dy) override;

 private:
  using Block = TraceLayout::Block;
  static constexpr double side = 18;
  void rebuild();
  void refresh_range();
  void place_visible();
  template <class Change>
  void keeping_place(Change change);
  void reshade();
  void show_step(bool all);
  void paint_block(QPainter& painter, const Block& block, double y) const;
  void paint_gutter(QPainter& painter, const Block& block, double y) const;
  const Block* block_at(double y) const;
  double text_left() const;
  double text_width() const;
  int token_at(const QPoint& point) const;
  QRectF token_rectangle(const Block& block, int token) const;  // of its first line's part, in the viewport
  void hover(int token);
  void show_popup();
  void place_ask_button();

  OpenSession* document_;
  QPushButton* ask_;  // stands by the tokens that were dragged over
  TraceLayout layout_;
  QTimer rest_timer_;  // lays out what is not in sight
  std::string shown_trace_;
  Shading shading_;
  std::shared_ptr<const AttentionRow> attention_;
  bool marks_ = false;
  int hovered_ = -1;
  QTimer hover_timer_;
  std::unique_ptr<AlternativesPopup> alternatives_;
  QString sought_;
  int found_block_ = -1, found_at_ = -1;
};

}  // namespace stemma
