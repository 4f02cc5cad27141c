package views
import ("testing";"os";"context";"time";"parley/chat")
func TestZZ(t *testing.T){
 a:=chat.Card{ID:chat.NewID(),Username:"mira",DisplayName:"Mira Okafor"}
 m:=chat.Message{ID:chat.NewID(),Author:a,Body:"Hi there\nsee https://example.com/x. ok\n",CreatedAt:time.Now()}
 e:=time.Now(); m.EditedAt=&e
 MessageItem(NewMessageItem(m,chat.NewID(),time.UTC)).Render(context.Background(),os.Stdout)
 m.Author.ID=a.ID
 MessageItem(NewMessageItem(m,a.ID,nil)).Render(context.Background(),os.Stdout)
}
