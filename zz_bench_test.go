package kith_test
import ("testing";"context";"kith")
func pair(b *testing.B, addr string)(*kith.Conn,*kith.Conn){ ctx:=context.Background()
 l,err:=kith.Listen(ctx,addr); if err!=nil{b.Fatal(err)}
 c,err:=kith.Dial(ctx,l.Addr()); if err!=nil{b.Fatal(err)}
 s,err:=l.Accept(ctx); if err!=nil{b.Fatal(err)}
 b.Cleanup(func(){c.Close();s.Close();l.Close()})
 return c,s}
func BenchmarkRTT(b *testing.B){ for _,a:=range []string{"shm:bb","unix:bb"} { b.Run(a,func(b *testing.B){ c,s:=pair(b,a); ctx:=context.Background()
 go func(){ for { m,err:=s.Receive(ctx); if err!=nil{return}; if s.Send(ctx,m)!=nil{return} } }()
 m:=make([]byte,64); b.ReportAllocs(); for b.Loop(){ if err:=c.Send(ctx,m);err!=nil{b.Fatal(err)}; if _,err:=c.Receive(ctx);err!=nil{b.Fatal(err)} } })}}
func BenchmarkOneWay(b *testing.B){ for _,n:=range []int{64,65536}{ for _,a:=range []string{"shm:bb","unix:bb","unixpacket:bb","fifo:bb"} { b.Run(a+string(rune('0'+n%10)),func(b *testing.B){ c,s:=pair(b,a); ctx:=context.Background()
 done:=make(chan int); go func(){ k:=0; for { _,err:=s.Receive(ctx); if err!=nil{done<-k;return}; k++ } }()
 m:=make([]byte,n); b.SetBytes(int64(n)); b.ReportAllocs(); for b.Loop(){ if err:=c.Send(ctx,m);err!=nil{b.Fatal(err)} }; c.CloseSend(); <-done })}}}
